//! Which cameras there are, and which one a source asks for that is not there.

use super::Report;
use crate::camera::v4l::{self, Listed};
use crate::camera::{SourceConfig, SourceKind};
use crate::cli::camera::line;
use anyhow::Result;

/// Says of every camera whether it can be used and by whom it is, and of every source whether its camera is plugged in.
pub(super) fn look(report: &mut Report, sources: &[SourceConfig]) -> Result<()> {
    let cameras = v4l::list();
    for camera in &cameras {
        let (good, line) = line(camera);
        report.say(good, line)?;
    }
    if cameras.is_empty() {
        report.note("camera: none is plugged in")?;
    }
    for source in sources {
        if let Some(missing) = missing(source, &cameras) {
            report.say(false, format!("source {:?}: {missing}", source.name))?;
        }
    }
    let wanted: Vec<_> = sources.iter().filter_map(SourceConfig::camera).collect();
    if let Err(why) = v4l::each_its_own(&wanted) {
        report.say(false, why)?;
    }
    Ok(())
}

fn missing(source: &SourceConfig, cameras: &[Listed]) -> Option<String> {
    let SourceKind::Camera(wanted) = &source.kind else { return None };
    let here = |c: &&Listed| {
        wanted.serial.as_ref().is_none_or(|s| c.serial.as_ref() == Some(s))
            && wanted.port.as_ref().is_none_or(|p| c.port == *p)
    };
    let which = match (&wanted.serial, &wanted.port) {
        (Some(serial), _) => format!("with serial number {serial}"),
        (None, Some(port)) => format!("at port {port}"),
        (None, None) => "at all".to_owned(),
    };
    match (cameras.iter().filter(here).count(), wanted.serial.is_some() || wanted.port.is_some()) {
        (0, _) => {
            Some(format!("there is no camera {which}: plug it in; `assay camera list` shows those that are there"))
        }
        (1, _) | (_, true) => None,
        (n, false) => Some(format!("expected one camera, found {n}: write camera = {{ serial = \"...\" }}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(serial: &str) -> Listed {
        Listed {
            serial: Some(serial.to_owned()),
            port: "1-2".to_owned(),
            name: "Webcam".to_owned(),
            device: "/dev/video0".to_owned(),
            formats: Ok(String::new()),
            holders: Vec::new(),
        }
    }

    #[test]
    fn a_source_without_its_camera_is_told() {
        let source = |more: &str| toml::from_str(&format!("name = \"a\"\ntype = \"camera\"\n{more}")).unwrap();
        let (any, left) = (source(""), source("camera = { serial = \"L\" }"));
        assert!(missing(&any, &[]).unwrap().contains("no camera at all"));
        assert_eq!(missing(&any, &[camera("R")]), None);
        assert!(missing(&any, &[camera("L"), camera("R")]).unwrap().contains("expected one camera, found 2"));
        assert!(missing(&left, &[camera("R")]).unwrap().contains("serial number L"));
        assert_eq!(missing(&left, &[camera("L"), camera("R")]), None);
    }
}
