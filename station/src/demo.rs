//! The demo's sample recipes, embedded in the program.

use std::io;
use std::path::Path;

/// One sample recipe: folder and files.
#[derive(Clone, Copy, Debug)]
struct Sample {
    name: &'static str,
    files: [(&'static str, &'static [u8]); 2],
}

/// One for each product of [`inspector::synth::DemoLine`].
const SAMPLES: [Sample; 3] = [
    Sample {
        name: "visor",
        files: [
            ("recipe.toml", include_bytes!("../demo/visor/recipe.toml")),
            ("visor.dxf", include_bytes!("../demo/visor/visor.dxf")),
        ],
    },
    Sample {
        name: "frame",
        files: [
            ("recipe.toml", include_bytes!("../demo/frame/recipe.toml")),
            ("frame.dxf", include_bytes!("../demo/frame/frame.dxf")),
        ],
    },
    Sample {
        name: "bracket",
        files: [
            ("recipe.toml", include_bytes!("../demo/bracket/recipe.toml")),
            ("bracket.dxf", include_bytes!("../demo/bracket/bracket.dxf")),
        ],
    },
];

/// Writes the sample recipes below `dir`. They belong to the program: an older or edited one there is replaced.
///
/// # Errors
/// What the system says.
pub fn unpack(dir: &Path) -> io::Result<()> {
    for sample in SAMPLES {
        let folder = dir.join(sample.name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        for (file, content) in sample.files {
            std::fs::write(folder.join(file), content)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use inspector::design::write_dxf;
    use inspector::recipe::{ProposeOptions, ProposedScale, propose};
    use inspector::synth::DEMO_PRODUCTS;

    /// The samples are what `assay recipe new` proposes for the drawings that the simulated camera shows. When either changes:
    /// `ASSAY_BLESS=1 cargo test -p station --lib demo`, and look at the difference.
    #[test]
    fn the_samples_are_the_proposals_for_what_the_camera_shows() {
        assert_eq!(SAMPLES.map(|s| s.name), DEMO_PRODUCTS.map(|p| p.recipe));
        for (sample, product) in SAMPLES.iter().zip(DEMO_PRODUCTS) {
            let (part, revision) = match product.recipe {
                "visor" => ("M19-VISOR", "C"),
                "frame" => ("SPECTACLE-FRAME", "A"),
                _ => ("BRACKET", "B"),
            };
            let options = ProposeOptions {
                part: part.to_owned(),
                revision: Some(revision.to_owned()),
                scale: ProposedScale::MmPerPx(product.mm_per_px),
                thickness_mm: None,
                units: None,
                file_name: format!("{}.dxf", product.recipe),
            };
            let dxf = write_dxf(&(product.drawing)());
            let proposed = propose(dxf.as_bytes(), &options).unwrap();
            let now = [("recipe.toml", proposed.recipe_toml.as_bytes()), (options.file_name.as_str(), dxf.as_bytes())];
            if std::env::var_os("ASSAY_BLESS").is_some() {
                let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo").join(product.recipe);
                std::fs::create_dir_all(&folder).unwrap();
                for (file, content) in now {
                    std::fs::write(folder.join(file), content).unwrap();
                }
                continue;
            }
            assert!(now == sample.files, "the sample recipe {:?} is not the proposal any more", sample.name);
        }
    }
}
