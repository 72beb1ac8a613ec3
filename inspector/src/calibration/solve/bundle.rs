//! Lens and poses together: Levenberg-Marquardt on all coordinates, the poses eliminated view by view (Schur complement).

use super::{Calibrated, View};
use crate::calibration::Lens;
use crate::geometry::{Rigid, solve_symmetric, times};

const L: usize = Lens::PARAMETERS;
/// Parameters of a pose: turn and shift.
const P: usize = 6;
const MAX_STEPS: usize = 100;

/// The normal equations of all views, in the blocks of an arrow: lens, each pose, and what ties them.
struct Equations {
    lens: [[f64; L]; L],
    lens_right: [f64; L],
    views: Vec<ViewBlock>,
    /// Sum of squares, px².
    cost: f64,
}

#[derive(Clone)]
struct ViewBlock {
    pose: [[f64; P]; P],
    right: [f64; P],
    /// Lens by pose.
    tie: [[f64; P]; L],
    cost: f64,
}

/// The least-squares solution; `None` when the equations are singular.
pub(super) fn solve(views: &[View], mut lens: Lens, mut poses: Vec<Rigid>) -> Option<Calibrated> {
    let mut equations = Equations::at(views, &lens, &poses);
    let mut damping = 1e-3;
    for _ in 0..MAX_STEPS {
        let Some((lens_step, pose_steps)) = equations.step(damping) else {
            damping *= 10.0;
            if damping > 1e12 {
                return None;
            }
            continue;
        };
        let next_lens = moved(&lens, &lens_step);
        let next_poses: Vec<Rigid> = poses.iter().zip(&pose_steps).map(|(p, s)| turned(p, s)).collect();
        let next = Equations::at(views, &next_lens, &next_poses);
        let gain = equations.cost - next.cost;
        if gain >= 0.0 {
            let done = gain <= 1e-13 * equations.cost;
            (lens, poses, equations) = (next_lens, next_poses, next);
            damping = (damping * 0.1).max(1e-12);
            if done {
                break;
            }
        } else {
            damping *= 10.0;
            // No step helps any more (or the cost is not a number, which no step of a start that was one leads to).
            if damping > 1e12 {
                break;
            }
        }
    }
    let points: usize = views.iter().map(|v| v.points.len()).sum();
    let free = (2 * points).saturating_sub(L + P * views.len()).max(1);
    let reduced = equations.reduced(0.0)?.0;
    let variance = equations.cost / free as f64;
    let mut covariance = [[0.0; L]; L];
    for j in 0..L {
        let mut e = [0.0; L];
        e[j] = variance;
        let column = solve_symmetric(reduced, e)?;
        for i in 0..L {
            covariance[i][j] = column[i];
        }
    }
    let rms = |cost: f64, n: usize| (cost / n.max(1) as f64).sqrt();
    Some(Calibrated {
        lens,
        covariance,
        poses,
        rms_px: rms(equations.cost, points),
        view_rms_px: equations.views.iter().zip(views).map(|(b, v)| rms(b.cost, v.points.len())).collect(),
    })
}

/// How much longer (relative) the focal length is that one view asks for by itself, the rest of the lens as it is, with its standard uncertainty. `None` when the
/// view does not tell: one that is nearly parallel to the camera cannot.
pub(super) fn focal_alone(view: &View, lens: &Lens, pose: &Rigid) -> Option<(f64, f64)> {
    // Each step of these well-posed equations squares what is left over; eight are plenty from a quarter off.
    const STEPS: usize = 8;
    let (mut longer, mut u, mut pose) = (1.0, f64::INFINITY, *pose);
    for _ in 0..STEPS {
        let lens = Lens { fx: lens.fx * longer, fy: lens.fy * longer, ..*lens };
        let Equations { lens: by_lens, lens_right, views, cost } =
            Equations::at(std::slice::from_ref(view), &lens, &[pose]);
        let block = views.first()?;
        // Both focal lengths by the same factor.
        let by_factor = |row: &[f64; L]| lens.fx * row[0] + lens.fy * row[1];
        let tie: [f64; P] = std::array::from_fn(|k| lens.fx * block.tie[0][k] + lens.fy * block.tie[1][k]);
        let through = solve_symmetric(block.pose, tie)?;
        let dot = |a: &[f64; P], b: &[f64; P]| (0..P).map(|k| a[k] * b[k]).sum::<f64>();
        let normal = lens.fx * by_factor(&by_lens[0]) + lens.fy * by_factor(&by_lens[1]) - dot(&through, &tie);
        let step = (by_factor(&lens_right) - dot(&through, &block.right)) / normal;
        let right = std::array::from_fn(|k| block.right[k] - tie[k] * step);
        pose = turned(&pose, &solve_symmetric(block.pose, right)?);
        longer *= 1.0 + step;
        let free = (2 * view.points.len()).saturating_sub(P + 1).max(1) as f64;
        u = (cost / free / normal).sqrt();
        if !(0.2..5.0).contains(&longer) {
            return None;
        }
    }
    // NaN is not smaller.
    (u < VAGUE).then_some((longer - 1.0, u))
}

/// A relative uncertainty of the focal length at which a view says nothing of it.
const VAGUE: f64 = 0.05;

impl Equations {
    fn at(views: &[View], lens: &Lens, poses: &[Rigid]) -> Self {
        let mut all =
            Self { lens: [[0.0; L]; L], lens_right: [0.0; L], views: Vec::with_capacity(views.len()), cost: 0.0 };
        for (view, pose) in views.iter().zip(poses) {
            let block = all.add(view, lens, pose);
            all.cost += block.cost;
            all.views.push(block);
        }
        all
    }

    /// Adds one view's share to the lens's block; gives its own.
    fn add(&mut self, view: &View, lens: &Lens, pose: &Rigid) -> ViewBlock {
        let mut block = ViewBlock { pose: [[0.0; P]; P], right: [0.0; P], tie: [[0.0; P]; L], cost: 0.0 };
        let turn = pose.matrix();
        for (target, seen) in &view.points {
            let q = times(&turn, [target.x, target.y, 0.0]);
            let [x, y, depth] = std::array::from_fn(|i| q[i] + pose.shift[i]);
            let ray = [x / depth, y / depth];
            let expected = lens.project(ray);
            let residual = if depth > 0.0 { [seen.x - expected.x, seen.y - expected.y] } else { [f64::INFINITY; 2] };
            let (by_lens, by_ray) = (lens.derivatives(ray), lens.jacobian(ray));
            for k in 0..2 {
                let by_pose = by_pose(by_ray[k], ray, depth, q);
                let r = residual[k];
                block.cost += r * r;
                for i in 0..L {
                    self.lens_right[i] += by_lens[k][i] * r;
                    for j in 0..L {
                        self.lens[i][j] += by_lens[k][i] * by_lens[k][j];
                    }
                    for j in 0..P {
                        block.tie[i][j] += by_lens[k][i] * by_pose[j];
                    }
                }
                for i in 0..P {
                    block.right[i] += by_pose[i] * r;
                    for j in 0..P {
                        block.pose[i][j] += by_pose[i] * by_pose[j];
                    }
                }
            }
        }
        block
    }

    /// The lens's equations with the poses eliminated: matrix and right side.
    fn reduced(&self, damping: f64) -> Option<([[f64; L]; L], [f64; L])> {
        let mut a = damped(&self.lens, damping);
        let mut b = self.lens_right;
        for view in &self.views {
            let pose = damped(&view.pose, damping);
            let right = solve_symmetric(pose, view.right)?;
            for i in 0..L {
                let through = solve_symmetric(pose, view.tie[i])?;
                b[i] -= (0..P).map(|k| view.tie[i][k] * right[k]).sum::<f64>();
                for j in 0..L {
                    a[i][j] -= (0..P).map(|k| through[k] * view.tie[j][k]).sum::<f64>();
                }
            }
        }
        Some((a, b))
    }

    fn step(&self, damping: f64) -> Option<([f64; L], Vec<[f64; P]>)> {
        let (a, b) = self.reduced(damping)?;
        let lens = solve_symmetric(a, b)?;
        let poses = self.views.iter().map(|view| {
            let right = std::array::from_fn(|k| view.right[k] - (0..L).map(|i| view.tie[i][k] * lens[i]).sum::<f64>());
            solve_symmetric(damped(&view.pose, damping), right)
        });
        Some((lens, poses.collect::<Option<_>>()?))
    }
}

/// Derivatives of one coordinate by the pose: a small turn applied after the pose's own (first three), and the shift.
fn by_pose(by_ray: [f64; 2], ray: [f64; 2], depth: f64, turned: [f64; 3]) -> [f64; P] {
    // By the point in the camera's axes.
    let g = [by_ray[0] / depth, by_ray[1] / depth, -(by_ray[0] * ray[0] + by_ray[1] * ray[1]) / depth];
    // d(w x q) . g = w . (q x g)
    let q = turned;
    [q[1] * g[2] - q[2] * g[1], q[2] * g[0] - q[0] * g[2], q[0] * g[1] - q[1] * g[0], g[0], g[1], g[2]]
}

fn damped<const N: usize>(a: &[[f64; N]; N], damping: f64) -> [[f64; N]; N] {
    let mut out = *a;
    for (i, row) in out.iter_mut().enumerate() {
        row[i] *= 1.0 + damping;
    }
    out
}

fn moved(lens: &Lens, step: &[f64; L]) -> Lens {
    let q = lens.parameters();
    Lens::from_parameters(std::array::from_fn(|i| q[i] + step[i]))
}

fn turned(pose: &Rigid, step: &[f64; P]) -> Rigid {
    let small = Rigid { turn: [step[0], step[1], step[2]], shift: [0.0; 3] };
    let turned = small.after(&Rigid { turn: pose.turn, shift: [0.0; 3] });
    Rigid { turn: turned.turn, shift: std::array::from_fn(|i| pose.shift[i] + step[3 + i]) }
}
