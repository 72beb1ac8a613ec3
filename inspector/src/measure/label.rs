//! Connected groups of pixels.

/// A group of pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// Leftmost column.
    pub x0: usize,
    /// Topmost row.
    pub y0: usize,
    /// Rightmost column.
    pub x1: usize,
    /// Bottom row.
    pub y1: usize,
    /// Pixels.
    pub area: usize,
    /// Sum of the pixels' weights.
    pub weight: f64,
}

/// Groups of pixels with a positive weight. Pixels belong together when no more than `gap` pixels lie between them along rows and columns:
/// with `gap = 0`, eight-neighbours. `weights` is `(height, width)`, row by row.
///
/// Groups come in reading order of their first pixel. Cost: about 1 ns per pixel, and per positive pixel the square of the gap.
///
/// ```
/// use inspector::measure::groups;
/// let picture = [1.0, 0.0, 0.0, 2.0, 0.0,
///                0.0, 1.0, 0.0, 0.0, 0.0];
/// assert_eq!(groups(&picture, 5, 0).len(), 2); // diagonal neighbours are one group
/// let one = groups(&picture, 5, 1);            // a column between is bridged
/// assert_eq!((one.len(), one[0].area, one[0].x1, one[0].weight), (1, 3, 3, 4.0));
/// ```
pub fn groups(weights: &[f32], width: usize, gap: usize) -> Vec<Group> {
    let pixels: Vec<usize> = (0..weights.len()).filter(|i| weights[*i] > 0.0).collect();
    // Where row y's pixels begin in `pixels`.
    let height = weights.len().checked_div(width).unwrap_or(0);
    let starts: Vec<usize> = (0..=height).map(|y| pixels.partition_point(|p| *p < y * width)).collect();
    let mut parent: Vec<usize> = (0..pixels.len()).collect();
    for (k, p) in pixels.iter().enumerate() {
        let (x, y) = (p % width, p / width);
        for row in y.saturating_sub(gap + 1)..=y {
            let first = row * width + x.saturating_sub(gap + 1);
            let last = row * width + (x + gap + 1).min(width - 1);
            let from = starts[row] + pixels[starts[row]..starts[row + 1]].partition_point(|q| *q < first);
            for other in (from..starts[row + 1]).take_while(|o| *o < k && pixels[*o] <= last) {
                let (a, b) = (root(&mut parent, other), root(&mut parent, k));
                // The first pixel in reading order stands for the group.
                parent[a.max(b)] = a.min(b);
            }
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut number = vec![usize::MAX; pixels.len()];
    for (k, p) in pixels.iter().enumerate() {
        let (x, y) = (p % width, p / width);
        let r = root(&mut parent, k);
        if number[r] == usize::MAX {
            number[r] = groups.len();
            groups.push(Group { x0: x, y0: y, x1: x, y1: y, area: 0, weight: 0.0 });
        }
        let g = &mut groups[number[r]];
        (g.x0, g.x1, g.y1) = (g.x0.min(x), g.x1.max(x), y);
        g.area += 1;
        g.weight += f64::from(weights[*p]);
    }
    groups
}

fn root(parent: &mut [usize], mut k: usize) -> usize {
    while parent[k] != k {
        parent[k] = parent[parent[k]];
        k = parent[k];
    }
    k
}
