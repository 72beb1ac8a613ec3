//! The demo's sample recipes, embedded in the program.

use std::io;
use std::path::Path;

/// Folder, file, content.
const FILES: &[(&str, &str, &[u8])] = &[];

/// Writes the sample recipes below `dir`. Files that are there already are replaced: the demo's recipes belong to the program.
///
/// # Errors
/// What the system says.
pub fn unpack(dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    for (folder, file, content) in FILES {
        let folder = dir.join(folder);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(file), content)?;
    }
    Ok(())
}
