//! Points and vectors that know their frame.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Add, Mul, Neg, Sub};

/// A coordinate frame: a zero-sized marker with a name and a unit.
pub trait Frame: Copy + Send + Sync + 'static {
    /// Name for messages, such as `image`.
    const NAME: &'static str;
    /// Unit of its coordinates, such as `px`.
    const UNIT: &'static str;
}

macro_rules! frame {
    ($(#[$doc:meta])* $name:ident, $text:literal, $unit:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {}
        impl Frame for $name {
            const NAME: &'static str = $text;
            const UNIT: &'static str = $unit;
        }
    };
}
frame!(
    /// The photo's pixels: (0, 0) is the centre of the top-left pixel, x right, y down.
    ImagePx, "image", "px"
);
frame!(
    /// The camera's work plane in millimetres: x right, y up.
    PlaneMm, "plane", "mm"
);
frame!(
    /// The design file's own millimetres: x right, y up.
    DesignMm, "design", "mm"
);
frame!(
    /// The reference picture's pixels, oriented like [`ImagePx`].
    ReferencePx, "reference", "px"
);

/// A position in frame `F`.
pub struct Point<F> {
    /// Coordinate along the first axis, in the frame's unit.
    pub x: f64,
    /// Coordinate along the second axis, in the frame's unit.
    pub y: f64,
    frame: PhantomData<F>,
}

/// A displacement in frame `F`.
pub struct Vector<F> {
    /// Component along the first axis, in the frame's unit.
    pub x: f64,
    /// Component along the second axis, in the frame's unit.
    pub y: f64,
    frame: PhantomData<F>,
}

macro_rules! pair {
    ($name:ident) => {
        impl<F> $name<F> {
            /// From coordinates in the frame's unit.
            pub const fn new(x: f64, y: f64) -> Self {
                Self { x, y, frame: PhantomData }
            }
            /// True when neither coordinate is NaN or infinite.
            pub const fn is_finite(self) -> bool {
                self.x.is_finite() && self.y.is_finite()
            }
        }
        // Derives would ask `F: Clone` and so on of a marker that has no value.
        impl<F> Clone for $name<F> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<F> Copy for $name<F> {}
        impl<F> PartialEq for $name<F> {
            fn eq(&self, other: &Self) -> bool {
                self.x == other.x && self.y == other.y
            }
        }
        impl<F: Frame> fmt::Debug for $name<F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}, {}) {}", F::NAME, self.x, self.y, F::UNIT)
            }
        }
    };
}
pair!(Point);
pair!(Vector);

impl<F> Point<F> {
    /// Distance to `other` in the frame's unit.
    pub fn distance(self, other: Self) -> f64 {
        (other - self).length()
    }
    /// The point half way to `other`.
    pub fn midpoint(self, other: Self) -> Self {
        Self::new(0.5 * (self.x + other.x), 0.5 * (self.y + other.y))
    }
}

impl<F> Vector<F> {
    /// Length in the frame's unit.
    pub fn length(self) -> f64 {
        self.dot(self).sqrt()
    }
    /// Scalar product.
    pub const fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y
    }
    /// z of the vector product: positive when `other` lies counter-clockwise of `self` (with y up).
    pub const fn cross(self, other: Self) -> f64 {
        self.x * other.y - self.y * other.x
    }
    /// The same direction with length 1; `None` for a vector too short to have a direction.
    pub fn unit(self) -> Option<Self> {
        let length = self.length();
        (length > f64::MIN_POSITIVE.sqrt()).then(|| self * (1.0 / length))
    }
    /// Turned by +90° (counter-clockwise with y up).
    pub const fn perpendicular(self) -> Self {
        Self::new(-self.y, self.x)
    }
}

impl<F> Sub for Point<F> {
    type Output = Vector<F>;
    fn sub(self, other: Self) -> Vector<F> {
        Vector::new(self.x - other.x, self.y - other.y)
    }
}
impl<F> Add<Vector<F>> for Point<F> {
    type Output = Self;
    fn add(self, v: Vector<F>) -> Self {
        Self::new(self.x + v.x, self.y + v.y)
    }
}
impl<F> Sub<Vector<F>> for Point<F> {
    type Output = Self;
    fn sub(self, v: Vector<F>) -> Self {
        Self::new(self.x - v.x, self.y - v.y)
    }
}
impl<F> Add for Vector<F> {
    type Output = Self;
    fn add(self, v: Self) -> Self {
        Self::new(self.x + v.x, self.y + v.y)
    }
}
impl<F> Sub for Vector<F> {
    type Output = Self;
    fn sub(self, v: Self) -> Self {
        Self::new(self.x - v.x, self.y - v.y)
    }
}
impl<F> Mul<f64> for Vector<F> {
    type Output = Self;
    fn mul(self, k: f64) -> Self {
        Self::new(self.x * k, self.y * k)
    }
}
impl<F> Neg for Vector<F> {
    type Output = Self;
    fn neg(self) -> Self {
        Self::new(-self.x, -self.y)
    }
}
