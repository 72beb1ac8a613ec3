//! Light along one line, turned into dark and light runs: several ways, because print and blur differ.

/// A stretch of bars between quiet zones, in samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Median width of its runs.
    pub(super) median: usize,
    /// Number of its runs.
    pub(super) runs: usize,
}

/// Fewest runs of the shortest code that is read (UPC-E has 33; ITF of six digits 37).
const MIN_RUNS: usize = 19;
/// White this many times wider than the median run parts two codes: the quiet zone is 7 to 10 modules, the median run 1 to 1.5.
const QUIET: usize = 5;
/// Contrast, of the whole line's, below which a neighbourhood is blank.
const BLANK: f32 = 0.2;

/// A way to tell dark from light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Way {
    /// Half way between the darkest and the lightest of a window of this many samples to each side.
    Middle(usize),
    /// Against the mean of a window of this many samples to each side.
    Mean(usize),
    /// Where the light changes fastest, seen at this scale in samples: blur does not move such edges.
    Edges(usize),
}

/// True is dark.
pub(super) fn dark(light: &[f32], way: Way) -> Vec<bool> {
    let (low, high) = light.iter().fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
    let contrast = high - low;
    if light.is_empty() || contrast < 8.0 {
        return vec![false; light.len()];
    }
    match way {
        Way::Middle(reach) => {
            let (lows, highs) = (extreme(light, reach, f32::min), extreme(light, reach, f32::max));
            let blank = BLANK * contrast;
            let zip = light.iter().zip(lows.iter().zip(&highs));
            zip.map(|(v, (l, h))| h - l >= blank && *v < 0.5 * (l + h)).collect()
        }
        Way::Mean(reach) => {
            let (mean, dead) = (mean(light, reach.max(1)), 0.04 * contrast);
            let mut state = false;
            light
                .iter()
                .zip(&mean)
                .map(|(v, m)| {
                    if (v - m).abs() > dead {
                        state = v < m;
                    }
                    state
                })
                .collect()
        }
        Way::Edges(scale) => by_edges(light, scale.max(1)),
    }
}

/// Lowest or highest of the window round each sample, in O(n): van Herk 1992, doi:10.1016/0167-8655(92)90069-C.
fn extreme(light: &[f32], reach: usize, pick: fn(f32, f32) -> f32) -> Vec<f32> {
    let (n, window) = (light.len(), 2 * reach + 1);
    let at = |i: isize| light[i.clamp(0, n as isize - 1) as usize];
    let padded = n + 2 * reach;
    let value = |i: usize| at(i as isize - reach as isize);
    let mut forward = vec![0.0; padded];
    let mut backward = vec![0.0; padded];
    for i in 0..padded {
        forward[i] = if i % window == 0 { value(i) } else { pick(forward[i - 1], value(i)) };
    }
    for i in (0..padded).rev() {
        let last = i + 1 == padded || (i + 1) % window == 0;
        backward[i] = if last { value(i) } else { pick(backward[i + 1], value(i)) };
    }
    (0..n).map(|i| pick(backward[i], forward[i + window - 1])).collect()
}

fn mean(light: &[f32], reach: usize) -> Vec<f32> {
    let n = light.len();
    let mut sums = Vec::with_capacity(n + 1);
    sums.push(0.0_f64);
    for (i, v) in light.iter().enumerate() {
        sums.push(sums[i] + f64::from(*v));
    }
    (0..n)
        .map(|i| {
            let (a, b) = (i.saturating_sub(reach), (i + reach + 1).min(n));
            ((sums[b] - sums[a]) / (b - a) as f64) as f32
        })
        .collect()
}

fn by_edges(light: &[f32], scale: usize) -> Vec<bool> {
    let n = light.len();
    let smooth = mean(&mean(light, scale / 2), scale / 2);
    let slope: Vec<f32> = (0..n).map(|i| smooth[(i + 1).min(n - 1)] - smooth[i.saturating_sub(1)]).collect();
    let steepness: Vec<f32> = slope.iter().map(|s| s.abs()).collect();
    let steepest = steepness.iter().fold(0.0_f32, |m, s| m.max(*s));
    // Glare takes contrast away on a part of the line.
    let nearby = extreme(&steepness, 40 * scale, f32::max);
    // (place, slope), falling and rising in turn; of several in the same sense the steepest.
    let mut edges: Vec<(usize, f32)> = Vec::new();
    for i in 1..n - 1 {
        let s = slope[i];
        let peak = s.abs() >= slope[i - 1].abs() && s.abs() > slope[i + 1].abs();
        if !peak || s.abs() < (0.12 * nearby[i]).max(0.02 * steepest) {
            continue;
        }
        match edges.last_mut() {
            Some(last) if (last.1 < 0.0) == (s < 0.0) => {
                if s.abs() > last.1.abs() {
                    *last = (i, s);
                }
            }
            _ => edges.push((i, s)),
        }
    }
    let mut out = vec![false; n];
    for (k, (at, s)) in edges.iter().enumerate() {
        let end = edges.get(k + 1).map_or(n, |e| e.0);
        // Dark lies behind a falling edge; dark that runs out of the line is background.
        if *s < 0.0 && k + 1 < edges.len() {
            out[*at..end].fill(true);
        }
    }
    out
}

/// Widths of the runs, and where each begins.
fn runs(dark: &[bool]) -> Vec<Run> {
    let mut out: Vec<Run> = Vec::new();
    for (i, d) in dark.iter().enumerate() {
        match out.last_mut() {
            Some((_, width)) if dark[i - 1] == *d => *width += 1,
            _ => out.push((i, 1)),
        }
    }
    out
}

fn median(widths: &mut [usize]) -> usize {
    let middle = widths.len() / 2;
    *widths.select_nth_unstable(middle).1
}

/// Median width of all runs of a line but the outermost, 1 when there are none.
pub(super) fn median_run(dark: &[bool]) -> usize {
    let runs = runs(dark);
    if runs.len() < 3 {
        return 1;
    }
    let mut widths: Vec<usize> = runs[1..runs.len() - 1].iter().map(|r| r.1).collect();
    median(&mut widths).max(1)
}

/// Stretches of bars with quiet zones on both sides, widest first.
pub(super) fn stretches(dark: &[bool]) -> Vec<Stretch> {
    let mut found = Vec::new();
    let all = runs(dark);
    for group in split(dark, &all, 3 * QUIET) {
        found.extend(split(dark, group, QUIET).into_iter().filter_map(stretch));
    }
    found.sort_by_key(|s: &Stretch| std::cmp::Reverse(s.end - s.start));
    found
}

/// A run: where it begins, and its width.
type Run = (usize, usize);

/// The groups of runs between white runs of `factor` times the median; groups begin and end dark.
fn split<'r>(dark: &[bool], runs: &'r [Run], factor: usize) -> Vec<&'r [Run]> {
    if runs.len() < MIN_RUNS {
        return Vec::new();
    }
    let mut widths: Vec<usize> = runs.iter().map(|r| r.1).collect();
    let limit = factor * median(&mut widths).max(1);
    let (mut groups, mut start) = (Vec::new(), 0);
    for i in 0..=runs.len() {
        let quiet = i == runs.len() || (!dark[runs[i].0] && (runs[i].1 >= limit || i == 0 || i + 1 == runs.len()));
        if quiet {
            if i >= start + MIN_RUNS {
                groups.push(&runs[start..i]);
            }
            start = i + 1;
        }
    }
    groups
}

fn stretch(runs: &[Run]) -> Option<Stretch> {
    let (first, last) = (runs.first()?, runs.last()?);
    let mut widths: Vec<usize> = runs.iter().map(|r| r.1).collect();
    Some(Stretch { start: first.0, end: last.0 + last.1, median: median(&mut widths), runs: runs.len() })
}

/// Bars of a code differ in width, threads of a screw and teeth of a comb do not: true when at least an eighth of the runs is clearly
/// wider than the median run and no run is wider than a code has.
pub(super) fn varied(dark: &[bool], stretch: &Stretch) -> bool {
    let runs = runs(&dark[stretch.start..stretch.end]);
    let wide = runs.iter().filter(|r| 2 * r.1 > 3 * stretch.median).count();
    let widest = runs.iter().map(|r| r.1).max().unwrap_or(0);
    8 * wide >= runs.len() && widest <= 8 * stretch.median
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(widths: &[usize], module: usize, quiet: usize) -> Vec<f32> {
        let mut light = vec![220.0; quiet];
        for (i, w) in widths.iter().enumerate() {
            light.extend(std::iter::repeat_n(if i % 2 == 0 { 30.0 } else { 220.0 }, w * module));
        }
        light.extend(std::iter::repeat_n(220.0, quiet));
        light
    }

    #[test]
    fn every_way_finds_the_bars_where_they_are() {
        let widths = [1, 1, 2, 1, 3, 1, 1, 2, 4, 1, 1, 1, 2, 3, 1, 1, 1, 2, 1, 1, 2, 1, 1];
        let light = bars(&widths, 6, 80);
        let n = light.len();
        for way in [Way::Middle(n / 8), Way::Mean(30), Way::Edges(3)] {
            let dark = dark(&light, way);
            let found = stretches(&dark);
            assert_eq!(found.len(), 1, "{way:?}");
            assert_eq!(found[0].runs, widths.len(), "{way:?}");
            assert!(found[0].start.abs_diff(80) <= 1 && found[0].end.abs_diff(n - 80) <= 1, "{way:?} {found:?}");
            assert!(varied(&dark, &found[0]));
        }
    }

    #[test]
    fn a_thread_is_no_code() {
        let light = bars(&[1; 41], 6, 80);
        let dark = dark(&light, Way::Middle(60));
        assert!(stretches(&dark).iter().all(|s| !varied(&dark, s)));
    }

    #[test]
    fn two_codes_on_a_line_are_two_stretches() {
        let one = bars(&[1, 1, 2, 1, 3, 1, 1, 2, 4, 1, 1, 1, 2, 3, 1, 1, 1, 2, 1], 5, 60);
        let light: Vec<f32> = one.iter().chain(&one).copied().collect();
        assert_eq!(stretches(&dark(&light, Way::Middle(80))).len(), 2);
    }

    #[test]
    fn extremes_are_those_of_the_window() {
        let light = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0];
        assert_eq!(extreme(&light, 1, f32::min), [1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
        assert_eq!(extreme(&light, 2, f32::max), [4.0, 4.0, 5.0, 9.0, 9.0, 9.0, 9.0, 9.0]);
    }
}
