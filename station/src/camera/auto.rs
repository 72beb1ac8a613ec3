//! The automatic trigger: a part is put down and lies still.
//!
//! ```text
//! learning -still-> empty -something changed-> moving -still, not empty, not the same-> shoot -> taken
//!                     ^                        ^    \-still, as before-> as before     (a hand passed by)
//!                     \-still, and empty-------/---------------------------------------changed-- taken
//!                      (or emptier than what was taken for the empty table at the start)
//! ```
//!
//! Two glances are compared by the differences between neighbouring cells of the logarithm of light. The light of a lamp is a factor on
//! all cells, so brightness, flicker and the steps of an automatic exposure fall out, and slow shades nearly do; what remains is where
//! edges are. (Retinex: Land, McCann 1971, doi:10.1364/JOSA.61.000001. Comparing gradients against light changes: Javed, Shafique, Shah
//! 2002, doi:10.1109/MOTION.2002.1182209.) What the camera sees when nothing moves is followed slowly, as in any adaptive background.
//!
//! Noise is about the same number of codes everywhere, after the camera's tone curve; so in the logarithm it is much stronger in the dark
//! than on a bright table, and each edge is asked to exceed the noise of its own cells. (Noise as a function of light: Liu, Freeman,
//! Szeliski, Kang 2006, doi:10.1109/CVPR.2006.207.) One number for the whole picture never let a large dark part lie still.
//!
//! Honest scope: a part smaller than about 2 % of the picture's width, or one that returns nearly the table's light, is not noticed; one
//! that replaces another in a fixture, without an empty moment and without a visible difference, is taken for the one before; a lamp
//! switched on at the side, a knock on the stand or a thing left beside the part looks like a new part. Colour is not looked at: a hand
//! that returns the very light of the table shows only where it covers the part, and when it rests there it looks like a new part. A part
//! that lies there at the start cannot be told from a pattern of the table; when it is taken away, the emptier table is the table, if it
//! has no edges of its own there.

use super::glance::Glance;
use std::time::Duration;

/// How the automatic trigger behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AutoConfig {
    /// A part must lie still this long before it is photographed.
    pub still: Duration,
}

impl Default for AutoConfig {
    fn default() -> Self {
        Self { still: Duration::from_millis(800) }
    }
}

/// Steps of the logarithm of light smaller than this are no edge, whatever the noise.
const LEAST_STEP: f32 = 0.06;
/// An edge may look so much stronger or weaker: tone curves and dark offsets do not follow the factor exactly.
const SAME_EDGE: f32 = 0.5;
/// Steps count from this many standard deviations of the noise between two glances on. Five cells at once beyond it are no chance: one in a
/// hundred glances has one.
const SIGMAS: f32 = 5.0;
/// So many cells make a change; fewer are noise and dust.
const LEAST_CELLS: usize = 5;
/// Added to the light before its logarithm is taken: in the dark, noise is not multiplied.
const DARK: f32 = 12.0;
/// Brighter codes count as this one: near white, cameras do not tell steps any more.
const WHITE: f32 = 250.0;
/// Time in which the view is followed when nothing moves.
const FOLLOW: Duration = Duration::from_millis(1500);
/// What may not be a new part must lie still so many times longer.
const IN_DOUBT: u32 = 5;
/// Where fewer of a part's cells changed than one in so many, it may still lie there, under a hand at rest or in a shadow.
const NEARLY_AS_BEFORE: usize = 2;
/// Where more of the picture became white than one cell in so many, the automatic exposure has not followed yet.
const DAZZLED: usize = 50;
/// At least so many glances make "still".
const LEAST_GLANCES: u32 = 4;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watching {
    /// For a still view of the empty table.
    Learning,
    /// For a part: what is seen is taken for the empty table, and nothing has shown yet that it is.
    Assumed,
    /// For a part: the table is empty.
    Empty,
    /// For stillness.
    Moving,
    /// For the part to be taken away: it is photographed.
    Taken,
    /// To try again: the part that lies there could not be recorded.
    Waiting,
    /// For the part to be taken away and held: the station failed on it.
    Held,
}

impl Watching {
    /// As a word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Learning => "learning",
            Self::Assumed => "assumed",
            Self::Empty => "empty",
            Self::Moving => "moving",
            Self::Taken => "taken",
            Self::Waiting => "waiting",
            Self::Held => "held",
        }
    }
}

/// A view: the logarithm of light in each cell.
#[derive(Clone, Debug)]
struct View {
    width: usize,
    log: Vec<f32>,
    /// By how much one code moves the logarithm: much in the dark, little in bright light.
    per_code: Vec<f32>,
}

impl View {
    fn of(glance: &Glance) -> Self {
        let light = || glance.light.iter().map(|l| l.min(WHITE) + DARK);
        Self { width: glance.width, log: light().map(f32::ln).collect(), per_code: light().map(f32::recip).collect() }
    }
    fn follow(&mut self, now: &Self, share: f32) {
        self.log.iter_mut().zip(&now.log).for_each(|(l, n)| *l += share * (n - *l));
        self.per_code.iter_mut().zip(&now.per_code).for_each(|(p, n)| *p += share * (n - *p));
    }
    fn fits(&self, other: &Self) -> bool {
        self.width == other.width && self.log.len() == other.log.len()
    }
    /// Steps from cell `i` to its right and lower neighbours.
    fn steps(&self, i: usize) -> [f32; 2] {
        let right = if (i + 1).is_multiple_of(self.width) { 0.0 } else { self.log[i + 1] - self.log[i] };
        let below = self.log.get(i + self.width).map_or(0.0, |l| l - self.log[i]);
        [right, below]
    }
    /// By how much one code of noise in every cell moves the difference between the steps of two views from cell `i` to cell `j`.
    fn step_per_code(&self, other: &Self, i: usize, j: usize) -> f32 {
        let square = |i: usize| self.per_code[i] * self.per_code[i] + other.per_code[i] * other.per_code[i];
        (square(i) + square(j.min(self.log.len() - 1))).sqrt()
    }
    /// How cell `i` shows other edges in `other`, at `noise` codes.
    fn change(&self, other: &Self, i: usize, noise: f32) -> Change {
        let mut change = Change::None;
        for ((old, new), j) in self.steps(i).into_iter().zip(other.steps(i)).zip([i + 1, i + self.width]) {
            let common = if old * new > 0.0 { old.abs().min(new.abs()) } else { 0.0 };
            let beyond = (old - new).abs() - SAME_EDGE * common;
            // Most cells need no root.
            if beyond <= LEAST_STEP {
                continue;
            }
            let least = LEAST_STEP.max(SIGMAS * noise * self.step_per_code(other, i, j));
            if beyond <= least {
                continue;
            }
            if new.abs() > old.abs().min(least) {
                return Change::Edge;
            }
            change = Change::Gone;
        }
        change
    }
    /// Whether cell `i` shows other edges in `other`.
    fn differs(&self, other: &Self, i: usize, noise: f32) -> bool {
        self.change(other, i, noise) != Change::None
    }
    /// Which cells differ.
    fn changes(&self, other: &Self, noise: f32) -> Vec<bool> {
        (0..self.log.len()).map(|i| self.differs(other, i, noise)).collect()
    }
    fn same(&self, other: &Self, noise: f32) -> bool {
        (0..self.log.len()).filter(|i| self.differs(other, *i, noise)).take(LEAST_CELLS).count() < LEAST_CELLS
    }
    /// Whether most of what lies on the `empty` table lies there in `other`, too.
    fn nearly(&self, other: &Self, empty: &Self, noise: f32) -> bool {
        let count = |a: &Self, b: &Self| a.changes(b, noise).into_iter().filter(|c| *c).count();
        NEARLY_AS_BEFORE * count(self, other) < count(empty, self)
    }
    /// Whether much more is white in `other`.
    fn dazzled(&self, other: &Self) -> bool {
        let white = |view: &Self| view.per_code.iter().filter(|p| **p < 1.01 / (WHITE + DARK)).count();
        white(other) > white(self) + self.log.len() / DAZZLED
    }
    /// Whether things are gone in `other`, and nothing came.
    fn loses(&self, other: &Self, noise: f32) -> bool {
        let changes: Vec<Change> = (0..self.log.len()).map(|i| self.change(other, i, noise)).collect();
        let count = |what| changes.iter().filter(|c| **c == what).count();
        count(Change::Gone) >= LEAST_CELLS && count(Change::Edge) < LEAST_CELLS
    }
    /// The noise of two glances, in codes: its median over the picture, which what moves in a part of it does not reach. Where the
    /// picture is white there is none, which says nothing of the rest.
    fn noise(&self, other: &Self) -> f32 {
        let white = 1.0 / (WHITE + DARK);
        let noise = |i: usize| (self.steps(i)[0] - other.steps(i)[0]).abs() / self.step_per_code(other, i, i + 1);
        let mut all: Vec<f32> = (0..self.log.len()).filter(|i| self.per_code[*i] > white).map(noise).collect();
        if all.is_empty() {
            return 0.0;
        }
        let middle = all.len() / 2;
        // 1.4826: from the median of absolute values to the standard deviation.
        1.4826 * *all.select_nth_unstable_by(middle, f32::total_cmp).1
    }
}

/// How a cell changed between two views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    None,
    /// An edge is gone, and none is there now.
    Gone,
    /// An edge is there that was another, or none.
    Edge,
}

/// What a still view shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    Empty,
    /// A part that is recorded.
    Part,
    /// A part that could not be recorded: at this time it is tried again.
    Unrecorded(Duration),
    /// A part on which the station failed: it is not tried again.
    Held,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing is known yet.
    Learning,
    /// The view is still.
    Still,
    /// Something moves.
    Moving,
}

/// Watches one camera. Time is given with every glance, from any start.
#[derive(Clone, Debug)]
pub struct Watcher {
    config: AutoConfig,
    state: State,
    /// The glance before.
    previous: Option<View>,
    /// The still view, followed slowly.
    view: Option<View>,
    /// What the still view shows, or showed before something moved.
    shows: Shows,
    /// The empty table.
    empty: Option<View>,
    /// It is what was seen first: a part may lie on it.
    assumed: bool,
    /// While moving: since when, and for how many glances, the view is the same.
    still: Option<(View, Duration, u32)>,
    noise: f32,
    compared: u32,
    seen: Duration,
    /// When the movement was noticed, while something moves.
    moving: Duration,
    /// A part lay there before the last movement.
    replaced: bool,
    /// A picture was taken by hand: the part that comes to lie still is recorded already.
    by_hand: bool,
}

impl Watcher {
    /// Takes the first still view for the empty table.
    pub fn new(config: AutoConfig) -> Self {
        Self {
            config,
            state: State::Learning,
            previous: None,
            view: None,
            shows: Shows::Empty,
            empty: None,
            assumed: true,
            still: None,
            noise: 0.0,
            compared: 0,
            seen: Duration::ZERO,
            moving: Duration::ZERO,
            replaced: false,
            by_hand: false,
        }
    }

    /// What is waited for.
    pub fn watching(&self) -> Watching {
        match (self.state, self.shows) {
            (State::Learning, _) => Watching::Learning,
            (State::Moving, _) => Watching::Moving,
            (State::Still, Shows::Empty) if self.assumed => Watching::Assumed,
            (State::Still, Shows::Empty) => Watching::Empty,
            (State::Still, Shows::Part) => Watching::Taken,
            (State::Still, Shows::Unrecorded(_)) => Watching::Waiting,
            (State::Still, Shows::Held) => Watching::Held,
        }
    }

    /// Nothing lies before the camera now: what it sees is the empty table.
    pub fn empty_now(&mut self) {
        (self.state, self.empty, self.view, self.still) = (State::Learning, None, None, None);
        self.assumed = false;
    }

    /// The part was photographed on somebody's demand, at time `exposed`, and recorded: it is not photographed again.
    /// True: that is the part which lies there now, or comes to lie still.
    pub fn taken_by_hand(&mut self, exposed: Duration) -> bool {
        // Recording takes a moment. Another part may lie there by now, and is not recorded by that.
        let of_before = exposed < self.moving && self.replaced;
        match (self.state, self.shows) {
            (State::Moving, _) if !of_before => self.by_hand = true,
            (State::Moving, Shows::Unrecorded(_) | Shows::Held) => self.shows = Shows::Part,
            (State::Still, Shows::Unrecorded(_) | Shows::Held) if !of_before => self.shows = Shows::Part,
            _ => return false,
        }
        !of_before
    }

    /// The picture that was asked for was recorded or, when not, is asked for again at `again`.
    pub fn recorded(&mut self, again: Option<Duration>) {
        self.settle(again.map_or(Shows::Part, Shows::Unrecorded));
    }

    /// The station failed on the picture that was asked for: the part is held, and not photographed again.
    pub fn held(&mut self) {
        self.settle(Shows::Held);
    }

    /// Looks at a glance taken at time `at`. True: a part lies still and is new; take its picture now, then say [`Self::recorded`].
    ///
    /// Cost: 0.1 ms.
    pub fn see(&mut self, glance: &Glance, at: Duration) -> bool {
        let now = View::of(glance);
        if self.previous.as_ref().is_some_and(|p| !p.fits(&now)) {
            *self = Self::new(self.config);
        }
        let dt = at.saturating_sub(self.seen);
        self.seen = at;
        if let Some(previous) = self.previous.replace(now.clone()) {
            let noise = now.noise(&previous);
            self.compared += 1;
            // Down at once, up slowly: what moves looks like noise for a moment. In the beginning, the mean.
            let share = if noise < self.noise { 0.5 } else { (1.0 / self.compared as f32).max(0.1) };
            self.noise += share * (noise - self.noise);
        }
        let noise = self.noise;
        if !matches!(self.state, State::Still) {
            return self.wait_for_stillness(now, at, noise);
        }
        let view = self.view.get_or_insert_with(|| now.clone());
        if !view.same(&now, noise) {
            (self.state, self.still) = (State::Moving, Some((now, at, 1)));
            (self.moving, self.replaced) = (at, self.shows != Shows::Empty);
            return false;
        }
        view.follow(&now, (dt.as_secs_f32() / FOLLOW.as_secs_f32()).min(1.0));
        match self.shows {
            Shows::Empty => self.empty = Some(view.clone()),
            Shows::Part | Shows::Held => {}
            Shows::Unrecorded(again) => return at >= again,
        }
        false
    }

    fn wait_for_stillness(&mut self, now: View, at: Duration, noise: f32) -> bool {
        let (since, glances) = match &mut self.still {
            Some((view, since, glances)) if view.same(&now, noise) => {
                *glances += 1;
                // The mean of what was seen since.
                view.follow(&now, 1.0 / *glances as f32);
                (*since, *glances)
            }
            _ => {
                self.still = Some((now, at, 1));
                return false;
            }
        };
        let lain = at.saturating_sub(since);
        if glances < LEAST_GLANCES || lain < self.config.still {
            return false;
        }
        let Some((still, ..)) = &self.still else { return false };
        let still = still.clone();
        let Some(empty) = &self.empty else {
            self.empty = Some(still);
            self.settle(Shows::Empty);
            return false;
        };
        if self.view.as_ref().is_some_and(|before| before.same(&still, noise)) {
            // Something passed by. What lay there lies there.
            self.settle(self.shows);
            return false;
        }
        let long = lain >= IN_DOUBT * self.config.still;
        if !long && self.view.as_ref().is_some_and(|before| before.dazzled(&still)) {
            return false;
        }
        // A thing lay on what was taken for the empty table, and is taken away.
        let emptier = self.assumed && empty.loses(&still, noise);
        if emptier || self.looks_empty(&still, empty, noise) {
            // As before a part came, and as after it was taken away: that is the table.
            self.assumed &= emptier || self.shows == Shows::Empty;
            self.empty = Some(still);
            self.settle(Shows::Empty);
            return false;
        }
        if self.by_hand {
            self.settle(Shows::Part);
            return false;
        }
        let hardly_changed =
            self.shows != Shows::Empty && self.view.as_ref().is_some_and(|before| before.nearly(&still, empty, noise));
        long || !(hardly_changed || reaches_border(&still, empty, noise))
    }

    /// The table is empty: as it was, or, where the part lay, as it was before the part, and elsewhere as it was with it. So light that
    /// moved over the table meanwhile is no part.
    fn looks_empty(&self, still: &View, empty: &View, noise: f32) -> bool {
        if still.same(empty, noise) {
            return true;
        }
        let Some(with_part) = self.view.as_ref().filter(|_| self.shows != Shows::Empty) else { return false };
        let covered = grown(&with_part.changes(empty, noise), empty.width);
        let differs =
            |i: &usize| if covered[*i] { still.differs(empty, *i, noise) } else { still.differs(with_part, *i, noise) };
        (0..still.log.len()).filter(differs).take(LEAST_CELLS).count() < LEAST_CELLS
    }

    /// The still view is what is seen now, and shows that.
    fn settle(&mut self, shows: Shows) {
        if let Some((view, ..)) = self.still.take() {
            self.view = Some(view);
        }
        (self.state, self.shows, self.by_hand) = (State::Still, shows, false);
    }
}

/// Every cell within two cells of a marked one.
fn grown(cells: &[bool], width: usize) -> Vec<bool> {
    let height = cells.len() / width.max(1);
    let mut grown = vec![false; cells.len()];
    for (i, _) in cells.iter().enumerate().filter(|(_, marked)| **marked) {
        let (x, y) = (i % width, i / width);
        for row in y.saturating_sub(2)..=(y + 2).min(height - 1) {
            let start = row * width;
            grown[start + x.saturating_sub(2)..=start + (x + 2).min(width - 1)].fill(true);
        }
    }
    grown
}

fn reaches_border(view: &View, empty: &View, noise: f32) -> bool {
    let changes = view.changes(empty, noise);
    let (width, height) = (view.width, changes.len() / view.width.max(1));
    let at = |x: usize, y: usize| changes[y * width + x];
    // The last column and row have no step of their own.
    let (right, bottom) = (width.saturating_sub(2), height.saturating_sub(2));
    let columns = (0..height).filter(|y| at(0, *y) || at(right, *y)).count();
    let rows = (0..width).filter(|x| at(*x, 0) || at(*x, bottom)).count();
    columns + rows >= 2
}
