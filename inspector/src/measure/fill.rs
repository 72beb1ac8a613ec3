//! Polygons as masks.

/// Fills closed polygons into a mask `(height, width)` by the even-odd rule: a pixel is inside when its centre is.
/// Positions are in mask pixels, centre of the top-left pixel at (0, 0).
pub fn fill(polygons: &[Vec<(f64, f64)>], width: usize, height: usize) -> Vec<bool> {
    let mut rows: Vec<Vec<f64>> = vec![Vec::new(); height];
    for polygon in polygons {
        for (a, b) in polygon.iter().zip(polygon.iter().cycle().skip(1)) {
            let (low, high) = if a.1 <= b.1 { (a, b) } else { (b, a) };
            // Rows with low.y < y <= high.y, so that a shared corner counts once.
            let first = (low.1.floor() + 1.0).max(0.0) as usize;
            let last = high.1.floor();
            if last < 0.0 {
                continue;
            }
            for (y, row) in rows.iter_mut().enumerate().take((last as usize + 1).min(height)).skip(first) {
                row.push(low.0 + (y as f64 - low.1) / (high.1 - low.1) * (high.0 - low.0));
            }
        }
    }
    let mut mask = vec![false; width * height];
    for (y, row) in rows.iter_mut().enumerate() {
        row.sort_by(f64::total_cmp);
        for pair in row.as_chunks::<2>().0 {
            let start = pair[0].ceil().clamp(0.0, width as f64) as usize;
            let end = (pair[1].floor() + 1.0).clamp(0.0, width as f64) as usize;
            if start < end {
                mask[y * width + start..y * width + end].fill(true);
            }
        }
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_with_a_hole_beyond_the_border() {
        let square = vec![(-3.0, 1.5), (5.5, 1.5), (5.5, 6.5), (-3.0, 6.5)];
        let hole = vec![(1.5, 2.5), (3.5, 2.5), (3.5, 4.5), (1.5, 4.5)];
        let mask = fill(&[square, hole], 8, 8);
        let rows: Vec<String> =
            mask.chunks(8).map(|r| r.iter().map(|m| if *m { '#' } else { '.' }).collect()).collect();
        assert_eq!(
            rows,
            ["........", "........", "######..", "##..##..", "##..##..", "######..", "######..", "........"]
        );
    }
}
