//! Where to look, how often, and when to stop.

use super::linear::{self, Bars, Strip};
use super::matrix::{Symbol, symbols};
use super::plane::{Pyramid, Threshold, View, binary};
use super::texture::{self, Place};
use super::{Code, Fault, Format, Formats, Reading, Suspect};
use crate::geometry::PixelRect;
use crate::photo::Photo;

/// Places of one kind that are looked at.
const MAX_PLACES: usize = 8;
/// Sides of the pictures in which places are looked for, px: fine print, and codes that fill the photo.
const PLACE_SIDES: [usize; 2] = [1100, 280];
/// Longer side of a look at a place, px.
const LOOK_SIDE: f64 = 420.0;
/// Longest side of a look at the whole region, px.
const WHOLE_SIDES: [usize; 3] = [2100, 1050, 525];

/// Least difference of dark and bright places, codes, of something that may be called a code: noise of blank paper has less, and no reader
/// decodes less.
const MIN_CONTRAST: f32 = 24.0;
/// Smallest QR code that is worth a word when it cannot be read, px.
const MIN_QR_PX: f64 = 31.0;
/// Cosine and sine of 22.5 degrees.
const SLANT: Place2 = (0.923_879_532_511_286_7, 0.382_683_432_365_089_8);
/// Cosine and sine of 4 degrees.
const NUDGE: Place2 = (0.997_564_050_259_824_2, 0.069_756_473_744_125_3);

type Place2 = (f64, f64);
type Corners = [Place2; 4];

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effort {
    /// One look at each place.
    Quick,
    /// Everything: other thresholds, white on black, other scales and turns, lines everywhere.
    Thorough,
}

pub(super) fn search(photo: &Photo, region: PixelRect, formats: Formats) -> Reading {
    let pyramid = Pyramid::of(photo, region);
    let mut search = Search {
        pyramid: &pyramid,
        formats,
        sure: Vec::new(),
        once: Vec::new(),
        broken: Vec::new(),
        unread: Vec::new(),
        wrong: Vec::new(),
    };
    let (bars, squares) = search.places();
    for effort in [Effort::Quick, Effort::Thorough] {
        if formats.any_matrix() {
            search.matrices(&squares, effort);
        }
        if formats.any_linear() {
            search.lines(&bars, effort);
        }
        if !search.sure.is_empty() {
            break;
        }
    }
    search.reading()
}

/// A text at a place (full region's pixels).
#[derive(Clone, Debug)]
struct Found {
    format: Format,
    text: String,
    corners: Corners,
}

struct Search<'a> {
    pyramid: &'a Pyramid,
    formats: Formats,
    /// Texts that count.
    sure: Vec<Found>,
    /// Texts that one look gave and no other has confirmed.
    once: Vec<Found>,
    /// Symbols without a text.
    broken: Vec<(Format, Corners)>,
    /// Bars without a text.
    unread: Vec<Corners>,
    /// Bars whose check digit does not fit.
    wrong: Vec<Bars>,
}

impl Search<'_> {
    /// Places of bars and of squares in the full region's pixels.
    fn places(&self) -> (Vec<Place>, Vec<Place>) {
        let (mut bars, mut squares): (Vec<Place>, Vec<Place>) = (Vec::new(), Vec::new());
        let mut levels: Vec<usize> = PLACE_SIDES.iter().map(|s| self.pyramid.at_most(*s)).collect();
        levels.dedup();
        for level in levels {
            let view = View::level(self.pyramid, level);
            let scale = (1_u32 << level) as f64;
            let (b, s) = texture::places(&view.grey, MAX_PLACES);
            for (found, all) in [(b, &mut bars), (s, &mut squares)] {
                for place in found {
                    let place = Place {
                        centre: view.in_full(place.centre.0, place.centre.1),
                        size: (place.size.0 * scale, place.size.1 * scale),
                        ..place
                    };
                    // The coarse picture shows most places of the fine one again.
                    if !all.iter().any(|p| same_box(p, &place)) {
                        all.push(place);
                    }
                }
            }
        }
        (bars, squares)
    }

    fn matrices(&mut self, squares: &[Place], effort: Effort) {
        let thresholds: &[(Threshold, bool)] = match effort {
            Effort::Quick => &[(Threshold::Blocks, false)],
            Effort::Thorough => &[
                (Threshold::Mean(24), false),
                (Threshold::Otsu, false),
                (Threshold::Blocks, true),
                (Threshold::Mean(10), false),
                (Threshold::Otsu, true),
            ],
        };
        let mut levels: Vec<usize> = match effort {
            Effort::Quick => vec![self.pyramid.at_most(WHOLE_SIDES[0]), self.pyramid.at_most(WHOLE_SIDES[2])],
            Effort::Thorough => WHOLE_SIDES.iter().map(|s| self.pyramid.at_most(*s)).collect(),
        };
        levels.dedup();
        for level in levels {
            let view = View::level(self.pyramid, level);
            let small = view.grey.width.max(view.grey.height) <= WHOLE_SIDES[1];
            // Off the middle of a large picture only QR codes are found: the others are found at their places.
            let formats = if small { self.formats } else { qr_of(self.formats) };
            self.look(&view, thresholds, formats, small);
            if !self.sure.is_empty() && effort == Effort::Thorough {
                return;
            }
        }
        if effort == Effort::Thorough && self.pyramid.at_most(WHOLE_SIDES[0]) > 0 && self.formats.has(Format::Qr) {
            // A small QR code in a large photo.
            let view = View::level(self.pyramid, 0);
            self.look(&view, &[(Threshold::Blocks, false)], qr_of(self.formats), false);
        }
        for place in squares {
            // Along its edges; and, when that is not enough, upright, slanting, and smaller against noise.
            let along = place.across;
            let looks: &[((f64, f64), f64)] = match effort {
                Effort::Quick => &[(along, LOOK_SIDE)],
                Effort::Thorough => &[
                    (along, LOOK_SIDE),
                    (along, 0.4 * LOOK_SIDE),
                    ((1.0, 0.0), LOOK_SIDE),
                    (turned(along, SLANT), LOOK_SIDE),
                ],
            };
            for (turn, side) in looks {
                let view = self.cut(place.centre, *turn, place.size, 1.35, *side);
                self.look(&view, thresholds, self.formats, true);
                if !self.sure.is_empty() && effort == Effort::Thorough {
                    return;
                }
            }
        }
    }

    /// A look at a box, `grown` to show the quiet zone, with `side` pixels on its longer side but never more than three per pixel.
    fn cut(&self, centre: Place2, turn: Place2, size: Place2, grown: f64, side: f64) -> View {
        let longer = size.0.max(size.1) * grown + 8.0;
        let step = (longer / side).max(1.0 / 3.0);
        let pixels = |s: f64| ((s * grown + 8.0) / step) as usize + 1;
        View::cut(self.pyramid, centre, turn, (pixels(size.0).max(24), pixels(size.1).max(24)), step)
    }

    fn look(&mut self, view: &View, thresholds: &[(Threshold, bool)], formats: Formats, thorough: bool) {
        for (threshold, inverted) in thresholds {
            let bits =
                if *inverted { binary(&view.grey.inverted(), *threshold) } else { binary(&view.grey, *threshold) };
            let Some(bits) = bits else { continue };
            let before = self.once.len();
            for symbol in symbols(&bits, formats, thorough) {
                self.symbol(view, symbol, before);
            }
        }
    }

    /// Weighs a symbol that a look gave; `before` is how many of `once` earlier looks gave. A look may give one symbol several times, and that
    /// vouches for nothing: it is made of the same pixels.
    fn symbol(&mut self, view: &View, symbol: Symbol, before: usize) {
        let corners = symbol.corners.map(|(x, y)| view.in_full(x, y));
        if !corners.iter().all(|(x, y)| x.is_finite() && y.is_finite()) {
            return;
        }
        let Some(text) = symbol.text.filter(|t| !t.is_empty()) else {
            // 21 modules of 1.5 px: below that nothing can be said of it.
            let (lo, hi) = bounds(&corners);
            if symbol.format != Format::Qr || (hi.0 - lo.0).min(hi.1 - lo.1) >= MIN_QR_PX {
                self.broken.push((symbol.format, corners));
            }
            return;
        };
        let found = Found { format: symbol.format, text, corners };
        if self.sure.iter().any(|s| s.same(&found)) {
            return;
        }
        let (earlier, this_look) = self.once.split_at(before.min(self.once.len()));
        if this_look.iter().any(|s| s.same(&found)) {
            return;
        }
        // QR codes carry at least seven check words; a Data Matrix may have five and an Aztec symbol three, so that they are read twice.
        if found.format == Format::Qr || earlier.iter().any(|s| s.same(&found)) || self.confirmed(&found) {
            self.sure.push(found);
        } else {
            self.once.push(found);
        }
    }

    /// Another look at the same symbol gives the same text.
    fn confirmed(&self, found: &Found) -> bool {
        let (lo, hi) = bounds(&found.corners);
        let centre = (0.5 * (lo.0 + hi.0), 0.5 * (lo.1 + hi.1));
        let side = (hi.0 - lo.0).max(hi.1 - lo.1);
        // Along its first side, turned a little, and at another scale, so that nothing falls on the same pixels.
        let (dx, dy) = (found.corners[1].0 - found.corners[0].0, found.corners[1].1 - found.corners[0].1);
        let length = (dx * dx + dy * dy).sqrt().max(1e-9);
        let turn = turned((dx / length, dy / length), NUDGE);
        let only = Formats::of(&[found.format]);
        let view = self.cut(centre, turn, (side, side), 1.4, 0.77 * LOOK_SIDE);
        [(Threshold::Mean(24), false), (Threshold::Blocks, false), (Threshold::Otsu, false), (Threshold::Blocks, true)]
            .iter()
            .any(|(threshold, inverted)| {
                let bits =
                    if *inverted { binary(&view.grey.inverted(), *threshold) } else { binary(&view.grey, *threshold) };
                bits.is_some_and(|bits| symbols(&bits, only, true).iter().any(|s| s.text.as_ref() == Some(&found.text)))
            })
    }

    fn lines(&mut self, places: &[Place], effort: Effort) {
        let lines = if effort == Effort::Quick { 13 } else { 25 };
        for place in places {
            let strip = Strip {
                centre: place.centre,
                across: place.across,
                length: place.size.0 * 1.2 + 60.0,
                height: place.size.1 * 0.9,
                lines,
            };
            self.strip(&strip);
        }
        let (w, h) = (self.pyramid.full().width as f64, self.pyramid.full().height as f64);
        let centre = (0.5 * (w - 1.0), 0.5 * (h - 1.0));
        let everywhere = if effort == Effort::Quick { 15 } else { 45 };
        for (across, length, height) in [((1.0, 0.0), w, h), ((0.0, 1.0), h, w)] {
            // White beyond the border stands for a quiet zone that the photo cuts off.
            self.strip(&Strip { centre, across, length, height: 0.94 * height, lines: everywhere });
        }
    }

    fn strip(&mut self, strip: &Strip) {
        let found = linear::read(self.pyramid, strip, self.formats);
        for bars in found.codes {
            let found = Found { format: bars.format, text: bars.text, corners: bars.corners };
            // Rows of squares are not bars.
            let inside = |s: &Found| !s.format.is_linear() && s.holds(found.centre());
            if !self.sure.iter().any(|s| s.same(&found) || inside(s)) {
                self.sure.push(found);
            }
        }
        self.wrong.extend(found.wrong);
        self.unread.extend(found.unread);
    }

    /// True when dark and bright places of the box differ by more than noise.
    fn has_contrast(&self, corners: &Corners) -> bool {
        const SIDE: usize = 24;
        let (lo, hi) = bounds(corners);
        let (dx, dy) = ((hi.0 - lo.0) / SIDE as f64, (hi.1 - lo.1) / SIDE as f64);
        let at = |i: usize| {
            let (x, y) = ((i % SIDE) as f64 + 0.5, (i / SIDE) as f64 + 0.5);
            self.pyramid.at(lo.0 + x * dx, lo.1 + y * dy, 1.0)
        };
        let mut codes: Vec<f32> = (0..SIDE * SIDE).map(at).collect();
        codes.sort_by(f32::total_cmp);
        codes[codes.len() * 9 / 10] - codes[codes.len() / 10] >= MIN_CONTRAST
    }

    /// What it all means. Two texts at one place contradict each other, and neither counts.
    fn reading(self) -> Reading {
        let place = |c: &Corners| c.map(|(x, y)| self.pyramid.in_photo(x, y));
        let mut suspects: Vec<Suspect> = Vec::new();
        let mut codes: Vec<Code> = Vec::new();
        for (i, found) in self.sure.iter().enumerate() {
            let contradicts =
                |(j, other): (usize, &Found)| i != j && !found.same(other) && found.overlaps(&other.corners);
            if self.sure.iter().enumerate().any(contradicts) {
                suspects.push(Suspect {
                    fault: Fault::Unreadable,
                    format: Some(found.format),
                    digits: None,
                    corners: place(&found.corners),
                });
            } else {
                codes.push(Code { text: found.text.clone(), format: found.format, corners: place(&found.corners) });
            }
        }
        codes.sort_by(|a, b| {
            (a.corners[0].y, a.corners[0].x)
                .partial_cmp(&(b.corners[0].y, b.corners[0].x))
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        if codes.is_empty() {
            for bars in &self.wrong {
                let digits = Some(bars.text.clone()).filter(|t| !t.is_empty());
                suspects.push(Suspect {
                    fault: Fault::CheckDigit,
                    format: Some(bars.format),
                    digits,
                    corners: place(&bars.corners),
                });
            }
            for found in &self.once {
                suspects.push(Suspect {
                    fault: Fault::Unreadable,
                    format: Some(found.format),
                    digits: None,
                    corners: place(&found.corners),
                });
            }
            for (i, (format, corners)) in self.broken.iter().enumerate() {
                // Texture looks like a symbol once; what two looks see at one place is there.
                let again = |(f, c): &(Format, Corners)| f == format && overlap(c, corners);
                let seen = *format == Format::Qr || self.broken[..i].iter().any(again);
                if seen && self.has_contrast(corners) {
                    suspects.push(Suspect {
                        fault: Fault::Unreadable,
                        format: Some(*format),
                        digits: None,
                        corners: place(corners),
                    });
                }
            }
            for corners in self.unread.iter().filter(|c| self.has_contrast(c)) {
                suspects.push(Suspect {
                    fault: Fault::Unreadable,
                    format: None,
                    digits: None,
                    corners: place(corners),
                });
            }
        }
        Reading { codes, suspects }
    }
}

/// A direction turned by an angle, both as cosine and sine.
fn turned((cos, sin): Place2, (c, s): Place2) -> Place2 {
    (cos * c - sin * s, sin * c + cos * s)
}

fn qr_of(formats: Formats) -> Formats {
    if formats.has(Format::Qr) { Formats::of(&[Format::Qr]) } else { Formats::of(&[]) }
}

fn same_box(a: &Place, b: &Place) -> bool {
    let near = (a.centre.0 - b.centre.0).abs() < 0.1 * a.size.0 && (a.centre.1 - b.centre.1).abs() < 0.1 * a.size.1;
    near && (a.size.0 / b.size.0 - 1.0).abs() < 0.2 && (a.size.1 / b.size.1 - 1.0).abs() < 0.2
}

fn bounds(corners: &Corners) -> (Place2, Place2) {
    corners.iter().fold(((f64::MAX, f64::MAX), (f64::MIN, f64::MIN)), |(lo, hi), (x, y)| {
        ((lo.0.min(*x), lo.1.min(*y)), (hi.0.max(*x), hi.1.max(*y)))
    })
}

fn overlap(a: &Corners, b: &Corners) -> bool {
    let ((alo, ahi), (blo, bhi)) = (bounds(a), bounds(b));
    alo.0 < bhi.0 && blo.0 < ahi.0 && alo.1 < bhi.1 && blo.1 < ahi.1
}

impl Found {
    fn centre(&self) -> Place2 {
        let (lo, hi) = bounds(&self.corners);
        (0.5 * (lo.0 + hi.0), 0.5 * (lo.1 + hi.1))
    }
    fn holds(&self, p: Place2) -> bool {
        let (lo, hi) = bounds(&self.corners);
        (lo.0..=hi.0).contains(&p.0) && (lo.1..=hi.1).contains(&p.1)
    }
    fn overlaps(&self, corners: &Corners) -> bool {
        overlap(&self.corners, corners)
    }
    fn same(&self, other: &Self) -> bool {
        self.format == other.format && self.text == other.text && self.overlaps(&other.corners)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::photo;
    use super::*;

    fn at(x: f64, y: f64) -> Corners {
        [(x, y), (x + 60.0, y), (x + 60.0, y + 60.0), (x, y + 60.0)]
    }

    fn found(text: &str, corners: Corners) -> Found {
        Found { format: Format::Qr, text: text.to_owned(), corners }
    }

    /// Hands a search of blank paper to `f`, and gives its result: texts, and faults.
    fn reading(f: impl FnOnce(&mut Search<'_>, &View)) -> (Vec<String>, Vec<Fault>) {
        let photo = photo(image::GrayImage::from_pixel(400, 300, image::Luma([180])));
        let pyramid = Pyramid::of(&photo, PixelRect { x: 0, y: 0, w: 400, h: 300 });
        let view = View::level(&pyramid, 0);
        let mut search = Search {
            pyramid: &pyramid,
            formats: Formats::ALL,
            sure: Vec::new(),
            once: Vec::new(),
            broken: Vec::new(),
            unread: Vec::new(),
            wrong: Vec::new(),
        };
        f(&mut search, &view);
        let reading = search.reading();
        (reading.codes.into_iter().map(|c| c.text).collect(), reading.suspects.iter().map(|s| s.fault).collect())
    }

    #[test]
    fn two_texts_at_one_place_contradict_each_other() {
        let apart = reading(|s, _| s.sure = vec![found("A-1", at(20.0, 20.0)), found("A-2", at(200.0, 20.0))]);
        assert_eq!(apart, (vec!["A-1".to_owned(), "A-2".to_owned()], vec![]));
        let same = reading(|s, _| s.sure = vec![found("A-1", at(20.0, 20.0)), found("A-2", at(50.0, 30.0))]);
        assert_eq!(same, (vec![], vec![Fault::Unreadable; 2]));
    }

    /// Few check words let a wrong text through now and then: only another look, at other pixels, vouches for it.
    #[test]
    fn a_symbol_of_few_check_words_is_read_twice() {
        let symbol = |format| Symbol { format, corners: at(20.0, 20.0), text: Some("A-1".to_owned()) };
        let sure = (vec!["A-1".to_owned()], vec![]);
        assert_eq!(reading(|s, v| s.symbol(v, symbol(Format::Qr), 0)), sure);
        for format in [Format::DataMatrix, Format::Aztec] {
            let once = reading(|s, v| s.symbol(v, symbol(format), 0));
            assert_eq!(once, (vec![], vec![Fault::Unreadable]), "{format}");
            // A look that gives it twice is one look.
            let twice = reading(|s, v| (0..2).for_each(|_| s.symbol(v, symbol(format), 0)));
            assert_eq!(twice, (vec![], vec![Fault::Unreadable]), "{format}");
            let again = reading(|s, v| (0..2).for_each(|look| s.symbol(v, symbol(format), look)));
            assert_eq!(again, sure, "{format}");
        }
    }
}
