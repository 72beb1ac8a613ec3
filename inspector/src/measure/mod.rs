//! Edges, figures and regions, measured on the photo's own pixels in linear light.
