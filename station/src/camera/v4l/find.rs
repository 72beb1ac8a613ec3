//! Which cameras there are: by serial number or by the port they are plugged into, never by the number of their node, which changes
//! with every plugging in.

use super::config::CameraConfig;
use std::fs;
use std::path::{Path, PathBuf};

/// A camera as the system knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// N of `/dev/videoN`.
    pub(super) node: usize,
    /// What it calls itself.
    pub(super) name: String,
    /// Serial number of its USB descriptor.
    pub(super) serial: Option<String>,
    /// Where it is plugged in.
    pub(super) port: String,
    /// The kernel driver.
    pub(super) driver: String,
}

impl Found {
    /// For people: its serial number, or its name and port.
    pub(super) fn who(&self) -> String {
        match &self.serial {
            Some(serial) => format!("camera {serial}"),
            None => format!("camera {} at port {}", self.name, self.port),
        }
    }
    /// Its device file.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/dev/video{}", self.node))
    }
}

/// Where the kernel lists video devices.
pub(super) const SYSFS: &str = "/sys/class/video4linux";

/// The cameras under `sysfs`, by node number. Nodes that carry no pictures (a webcam's metadata, for one) have another index than 0.
pub(super) fn cameras(sysfs: &Path) -> Vec<Found> {
    let Ok(entries) = fs::read_dir(sysfs) else { return Vec::new() };
    let mut found: Vec<Found> = entries.flatten().filter_map(|e| camera(&e.path())).collect();
    found.sort_by_key(|f| f.node);
    found
}

fn camera(at: &Path) -> Option<Found> {
    let read =
        |name: &str| fs::read_to_string(at.join(name)).ok().map(|s| s.trim().to_owned()).filter(|s| !s.is_empty());
    let last = |path: &str| Some(fs::canonicalize(at.join(path)).ok()?.file_name()?.to_string_lossy().into_owned());
    let node = at.file_name()?.to_str()?.strip_prefix("video")?.parse().ok()?;
    if read("index").as_deref() != Some("0") {
        return None;
    }
    // A USB camera's node belongs to an interface (`1-2:1.0`) of the device at the port (`1-2`).
    let device = last("device").unwrap_or_default();
    let port = device.split_once(':').map_or(device.as_str(), |(port, _)| port).to_owned();
    Some(Found {
        node,
        name: read("name").unwrap_or_else(|| "a camera without a name".to_owned()),
        serial: read("device/../serial"),
        port,
        driver: last("device/driver").unwrap_or_default(),
    })
}

/// The camera that `config` means.
///
/// # Errors
/// None, or more than one: what there is, and what to write.
pub(super) fn choose(config: &CameraConfig, cameras: &[Found]) -> Result<Found, String> {
    let fits = |c: &&Found| match (&config.serial, &config.port) {
        (Some(serial), _) => c.serial.as_ref() == Some(serial),
        (None, Some(port)) => c.port == *port,
        (None, None) => true,
    };
    let found: Vec<&Found> = cameras.iter().filter(fits).collect();
    let what = |c: &&Found| c.serial.clone().unwrap_or_else(|| format!("port {}", c.port));
    let ports = || found.iter().map(|c| c.port.as_str()).collect::<Vec<_>>().join(", ");
    match (found.as_slice(), &config.serial) {
        ([one], _) => Ok((*one).clone()),
        ([], _) if cameras.is_empty() => {
            Err(format!("{} is not plugged in: there is no camera at all", config.wanted()))
        }
        ([], _) => {
            let there: Vec<String> = cameras.iter().map(|c| what(&c)).collect();
            Err(format!("{} is not plugged in; there is {}", config.wanted(), there.join(", ")))
        }
        (_, Some(serial)) => Err(format!(
            "{} cameras carry the serial number {serial}: give port instead, one of {}",
            found.len(),
            ports()
        )),
        (_, None) => {
            let there: Vec<String> = found.iter().map(what).collect();
            Err(format!("there are {} cameras: give serial, one of {}", found.len(), there.join(", ")))
        }
    }
}

/// Whether each source, by name, means a camera of its own, as far as they are plugged in.
///
/// # Errors
/// Two mean the same one, by its serial number and by its port for example.
pub(super) fn each_its_own(sources: &[(&str, &CameraConfig)], cameras: &[Found]) -> Result<(), String> {
    let mut taken: Vec<(usize, &str)> = Vec::new();
    for (name, config) in sources {
        let Ok(found) = choose(config, cameras) else { continue };
        if let Some((_, first)) = taken.iter().find(|(node, _)| *node == found.node) {
            let (who, port) = (found.who(), &found.port);
            return Err(format!(
                "source {name:?}: `camera`: expected a camera of its own, found {who} at port {port}, which is that of source {first:?} already"
            ));
        }
        taken.push((found.node, name));
    }
    Ok(())
}

/// Programs that have `device` open, as far as this one may see: name and process number.
pub(super) fn holders(proc: &Path, device: &Path) -> Vec<(String, u32)> {
    let Ok(entries) = fs::read_dir(proc) else { return Vec::new() };
    let holds = |dir: &Path| {
        let files = fs::read_dir(dir.join("fd")).into_iter().flatten().flatten();
        files.into_iter().any(|f| fs::read_link(f.path()).is_ok_and(|to| to == device))
    };
    let own = std::process::id();
    let mut found: Vec<(String, u32)> = entries
        .flatten()
        .filter_map(|e| {
            let pid = e.file_name().to_str()?.parse().ok()?;
            let name = fs::read_to_string(e.path().join("comm")).ok()?.trim().to_owned();
            (pid != own && holds(&e.path())).then_some((name, pid))
        })
        .collect();
    found.sort_by_key(|(_, pid)| *pid);
    found
}

/// Who holds `device`, for people.
pub(super) fn held_by(proc: &Path, device: &Path) -> String {
    let names: Vec<String> =
        holders(proc, device).iter().map(|(name, pid)| format!("{name} (process {pid})")).collect();
    if names.is_empty() { "another program, which this user may not see".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests panic on purpose")]
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::fs::symlink;
    use std::process::{Command, Stdio};

    /// As the kernel lays it out: class links to devices, a metadata node beside each camera.
    fn sysfs(cameras: &[(usize, &str, &str, Option<&str>)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("drivers/uvcvideo")).unwrap();
        for (node, port, interface, serial) in cameras {
            let device = dir.path().join("devices").join(port);
            if let Some(serial) = serial {
                fs::create_dir_all(&device).unwrap();
                fs::write(device.join("serial"), format!("{serial}\n")).unwrap();
            }
            let parent = device.join(interface);
            for (node, index) in [(*node, 0), (*node + 1, 1)] {
                let at = parent.join(format!("video4linux/video{node}"));
                fs::create_dir_all(&at).unwrap();
                fs::write(at.join("index"), format!("{index}\n")).unwrap();
                fs::write(at.join("name"), "Test Camera\n").unwrap();
                symlink(&parent, at.join("device")).unwrap();
                fs::create_dir_all(dir.path().join("class")).unwrap();
                symlink(&at, dir.path().join(format!("class/video{node}"))).unwrap();
            }
            if !parent.join("driver").exists() {
                symlink(dir.path().join("drivers/uvcvideo"), parent.join("driver")).unwrap();
            }
        }
        dir
    }
    fn config(text: &str) -> CameraConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn cameras_are_known_by_serial_and_port() {
        let dir = sysfs(&[
            (2, "1-1", "1-1:1.0", Some("LEFT")),
            (0, "1-2", "1-2:1.0", Some("RIGHT")),
            (6, ".", "vivid.0", None),
        ]);
        fs::create_dir_all(dir.path().join("class/videofoo")).unwrap();
        let found = cameras(&dir.path().join("class"));
        assert_eq!(found.iter().map(|f| f.node).collect::<Vec<_>>(), [0, 2, 6], "no metadata nodes");
        let left = choose(&config("serial = \"LEFT\""), &found).unwrap();
        assert_eq!((left.node, left.port.as_str(), left.driver.as_str()), (2, "1-1", "uvcvideo"));
        assert_eq!(choose(&config("port = \"1-2\""), &found).unwrap().serial.as_deref(), Some("RIGHT"));
        assert_eq!(choose(&config("port = \"vivid.0\""), &found).unwrap().node, 6);
        let said = |text| choose(&config(text), &found).unwrap_err();
        assert_eq!(said("serial = \"X\""), "camera X is not plugged in; there is RIGHT, LEFT, port vivid.0");
        assert_eq!(said(""), "there are 3 cameras: give serial, one of RIGHT, LEFT, port vivid.0");
        let none = cameras(&dir.path().join("nowhere"));
        assert_eq!(choose(&config(""), &none).unwrap_err(), "camera is not plugged in: there is no camera at all");
    }

    #[test]
    fn two_sources_that_name_one_camera_are_told_when_it_is_there() {
        let dir = sysfs(&[(2, "1-1", "1-1:1.0", Some("LEFT")), (0, "1-2", "1-2:1.0", Some("RIGHT"))]);
        let both = cameras(&dir.path().join("class"));
        let (left, right) = (config("serial = \"LEFT\""), config("serial = \"RIGHT\""));
        let (port_1, gone) = (config("port = \"1-1\""), config("port = \"1-3\""));
        assert_eq!(each_its_own(&[("a", &left), ("b", &right), ("c", &gone)], &both), Ok(()));
        assert_eq!(
            each_its_own(&[("a", &left), ("b", &right), ("c", &port_1)], &both).unwrap_err(),
            "source \"c\": `camera`: expected a camera of its own, found camera LEFT at port 1-1, which is that of source \"a\" already"
        );
        // Not plugged in: nobody can tell yet.
        assert_eq!(each_its_own(&[("a", &left), ("c", &port_1)], &[]), Ok(()));
    }

    #[test]
    fn one_serial_number_on_two_cameras_is_told() {
        let dir = sysfs(&[(0, "1-1", "1-1:1.0", Some("0001")), (2, "1-2", "1-2:1.0", Some("0001"))]);
        let said = choose(&config("serial = \"0001\""), &cameras(&dir.path().join("class"))).unwrap_err();
        assert_eq!(said, "2 cameras carry the serial number 0001: give port instead, one of 1-1, 1-2");
    }

    #[test]
    fn the_program_that_holds_a_device_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(dir.path().join("video0")).unwrap())
            .spawn()
            .unwrap();
        // It bears its own name only a moment after `spawn` returns: what it answers, it answers later than that.
        let (mut to, mut from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        to.write_all(b"?").unwrap();
        from.read_exact(&mut [0]).unwrap();
        let device = fs::canonicalize(dir.path()).unwrap().join("video0");
        let said = held_by(Path::new("/proc"), &device);
        drop(to);
        child.wait().unwrap();
        assert_eq!(said, format!("cat (process {})", child.id()));
        assert!(held_by(Path::new("/proc"), &device).starts_with("another program"));
    }
}
