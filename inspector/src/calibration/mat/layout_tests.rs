use super::*;

#[test]
fn everything_lies_on_the_sheet_and_nothing_on_anything_else() {
    for paper in Paper::ALL {
        let layout = Layout::new(paper, 5);
        let [w, h] = paper.size_mm().map(|s| 0.5 * s);
        let shapes = layout.shapes();
        for p in shapes.iter().flat_map(|s| &s.outline) {
            assert!(w - p.x.abs() >= 9.99 && h - p.y.abs() >= 9.99, "{paper}: printers do not reach {p:?}");
            let [qw, qh] = layout.quiet_mm.map(|s| 0.5 * s);
            assert!(p.x.abs() > qw || p.y.abs() > qh, "{paper}: {p:?} lies in the quiet middle");
        }
        // Tags, wedges, colours and squares: no two overlap (corners touch).
        let tag = |t: &Tag| Patch { centre: t.centre, size_mm: [TAG_MM; 2], light: [0.0; 3] };
        let patches: Vec<Patch> = layout
            .tags
            .iter()
            .map(tag)
            .chain(layout.squares())
            .chain(layout.wedge.into_iter().flatten())
            .chain(layout.colours)
            .collect();
        for (i, a) in patches.iter().enumerate() {
            for b in &patches[..i] {
                let apart = |c: f64, k: usize| c.abs() - 0.5 * (a.size_mm[k] + b.size_mm[k]);
                let gap = apart(a.centre.x - b.centre.x, 0).max(apart(a.centre.y - b.centre.y, 1));
                assert!(gap > -1e-9, "{paper}: {a:?} and {b:?}");
            }
        }
        // Crosses stand in the white gap between two tags, and a 300 mm rule reaches.
        for d in layout.distances {
            assert!((150.0..=260.0).contains(&d.nominal_mm()), "{paper}: {}", d.nominal_mm());
            for end in [d.from, d.to] {
                let beside = |p: &&Patch| {
                    let (dx, dy) = ((p.centre.x - end.x).abs(), (p.centre.y - end.y).abs());
                    dx.max(dy) - 0.5 * TAG_MM < 1.6 && p.size_mm[0] == TAG_MM
                };
                assert_eq!(patches.iter().filter(beside).count(), 2, "{paper}: {end:?}");
            }
        }
    }
}

#[test]
fn mats_differ_in_many_tags_and_papers_in_all() {
    let counts = Paper::ALL.map(|p| Layout::new(p, 0).tags.len());
    assert_eq!(counts, [36, 60, 36]);
    for paper in Paper::ALL {
        let tags = Layout::new(paper, 0).tags.len();
        let bits = |id: u16| (0..tags).fold(0_u64, |w, n| w << 1 | u64::from(bit(id, n)));
        let all: Vec<u64> = (0..IDS).map(bits).collect();
        for (i, a) in all.iter().enumerate() {
            for b in &all[..i] {
                assert!((a ^ b).count_ones() >= 3, "{paper}: mat {i}");
            }
        }
        for (number, tag) in Layout::new(paper, 77).tags.iter().enumerate() {
            let word = WORDS.iter().position(|w| *w == tag.word).unwrap();
            assert_eq!(Layout::tag_of(word), Some((paper, number, bit(77, number))));
        }
    }
}

#[test]
fn wedges_are_each_other_turned_by_half_a_turn() {
    let layout = Layout::new(Paper::A4, 0);
    let mut last = -1.0;
    for [a, b] in layout.wedge {
        assert!((a.centre.x + b.centre.x).abs() < 1e-12 && (a.centre.y + b.centre.y).abs() < 1e-12);
        assert!(a.light[0] > last && a.light == b.light);
        last = a.light[0];
    }
}
