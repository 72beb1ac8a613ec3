//! Exposure, white balance, focus and gain: set, and read back, because an error of a driver does not mean "unchanged", and no error does
//! not mean "done".

use super::config::CameraConfig;

/// A control that is to stand at a certain value. Numbers are V4L2's control ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Control {
    /// The field of the configuration that asks for it.
    pub(super) field: &'static str,
    /// V4L2's number.
    pub(super) id: u32,
    /// The value, in the driver's unit.
    pub(super) value: i64,
    /// One step of the driver in the unit of the configuration.
    pub(super) unit: i64,
    /// How the driver keeps it.
    pub(super) kind: Kind,
}

/// How a driver keeps a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number.
    Number,
    /// An entry of a menu that turns an automatic mode off. A camera without that mode is fine.
    Menu,
    /// A switch that turns an automatic mode off. A camera without that mode is fine.
    Switch,
}

/// What a camera says of a control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// It stands at this value.
    Value(i64),
    /// The camera has no such control.
    Absent,
    /// No answer, and why.
    Silent(String),
}

/// The way to a camera's controls.
pub(super) trait Controls {
    /// Asks for a value. What an error says is kept, but only reading back tells what is so.
    fn set(&mut self, control: &Control) -> Result<(), String>;
    /// Reads one.
    fn read(&mut self, control: &Control) -> Reading;
}

/// V4L2's ids. Exposure is not `V4L2_CID_EXPOSURE`, which webcams do not have.
const EXPOSURE_AUTO: u32 = 0x009a_0901;
const EXPOSURE_ABSOLUTE: u32 = 0x009a_0902;
const EXPOSURE_AUTO_PRIORITY: u32 = 0x009a_0903;
const FOCUS_ABSOLUTE: u32 = 0x009a_090a;
const FOCUS_AUTO: u32 = 0x009a_090c;
const AUTO_WHITE_BALANCE: u32 = 0x0098_090c;
const AUTO_GAIN: u32 = 0x0098_0912;
/// Gain.
pub(super) const GAIN: u32 = 0x0098_0913;
/// White balance, kelvin.
pub(super) const WHITE_BALANCE: u32 = 0x0098_091a;

/// The controls that `config` asks for, automatic modes first: a value is refused while its mode is on.
pub(super) fn asked(config: &CameraConfig) -> Vec<Control> {
    let off = |field, id, kind| Control { field, id, value: if kind == Kind::Menu { 1 } else { 0 }, unit: 1, kind };
    let number =
        |field, id, value: u32, unit| Control { field, id, value: i64::from(value) / unit, unit, kind: Kind::Number };
    let mut all = Vec::new();
    if let Some(us) = config.exposure_us {
        all.push(off("exposure_us", EXPOSURE_AUTO, Kind::Menu));
        all.push(off("exposure_us", EXPOSURE_AUTO_PRIORITY, Kind::Switch));
        all.push(number("exposure_us", EXPOSURE_ABSOLUTE, us, 100));
    }
    if let Some(k) = config.white_balance_k {
        all.push(off("white_balance_k", AUTO_WHITE_BALANCE, Kind::Switch));
        all.push(number("white_balance_k", WHITE_BALANCE, k, 1));
    }
    if let Some(focus) = config.focus {
        all.push(off("focus", FOCUS_AUTO, Kind::Switch));
        all.push(number("focus", FOCUS_ABSOLUTE, focus, 1));
    }
    if let Some(gain) = config.gain {
        all.push(off("gain", AUTO_GAIN, Kind::Switch));
        all.push(number("gain", GAIN, gain, 1));
    }
    all
}

/// What a look at the controls found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Controls that do not stand where they should, in words.
    pub(super) wrong: Vec<String>,
    /// The camera did not answer; it was not asked further, as each question takes seconds.
    pub(super) silent: Option<String>,
}

/// Sets the controls, even those that seem to stand right (drivers answer from memory), and reads them back.
pub(super) fn set(port: &mut dyn Controls, controls: &[Control]) -> Look {
    let mut look = Look::default();
    for control in controls {
        let before = port.read(control);
        let refusal = match before {
            Reading::Silent(why) => {
                look.silent = Some(why);
                return look;
            }
            Reading::Absent => None,
            Reading::Value(_) => port.set(control).err(),
        };
        let after = if before == Reading::Absent { before } else { port.read(control) };
        judge(control, after, refusal, &mut look);
        if look.silent.is_some() {
            return look;
        }
    }
    look
}

/// Reads the controls.
pub(super) fn look(port: &mut dyn Controls, controls: &[Control]) -> Look {
    let mut look = Look::default();
    for control in controls {
        judge(control, port.read(control), None, &mut look);
        if look.silent.is_some() {
            break;
        }
    }
    look
}

fn judge(control: &Control, reading: Reading, refusal: Option<String>, look: &mut Look) {
    let Control { field, value, unit, kind, .. } = *control;
    let why = refusal.map(|r| format!(" ({r})")).unwrap_or_default();
    match reading {
        Reading::Value(found) if found == value => {}
        Reading::Absent if kind != Kind::Number => {}
        Reading::Silent(why) => look.silent = Some(why),
        Reading::Absent => look.wrong.push(format!("{field}: this camera has none; take it out of the configuration")),
        Reading::Value(found) if kind == Kind::Number => {
            look.wrong.push(format!("{field}: asked for {}, the camera has {}{why}", value * unit, found * unit));
        }
        Reading::Value(_) => look.wrong.push(format!("{field}: the camera does not leave its automatic mode{why}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests panic on purpose")]
    use super::*;
    use std::collections::BTreeMap;

    /// A driver's memory: values with ranges, clamped or refused the way real ones do.
    #[derive(Default)]
    struct Driver {
        values: BTreeMap<u32, (i64, i64, i64)>,
        asked: usize,
        dead: bool,
    }
    impl Controls for Driver {
        fn set(&mut self, control: &Control) -> Result<(), String> {
            let (value, low, high) = self.values.get_mut(&control.id).unwrap();
            *value = control.value.clamp(*low, *high);
            if *value == control.value { Ok(()) } else { Err("Rejected".to_owned()) }
        }
        fn read(&mut self, control: &Control) -> Reading {
            self.asked += 1;
            if self.dead {
                return Reading::Silent("Connection timed out".to_owned());
            }
            self.values.get(&control.id).map_or(Reading::Absent, |v| Reading::Value(v.0))
        }
    }
    fn driver(values: &[(u32, i64, i64, i64)]) -> Driver {
        Driver { values: values.iter().map(|(id, v, l, h)| (*id, (*v, *l, *h))).collect(), ..Driver::default() }
    }
    fn config(text: &str) -> Vec<Control> {
        asked(&toml::from_str(text).unwrap())
    }

    #[test]
    fn values_are_set_after_their_automatic_mode_is_off() {
        let mut d = driver(&[(EXPOSURE_AUTO, 3, 0, 3), (EXPOSURE_ABSOLUTE, 156, 3, 2047), (GAIN, 5, 0, 255)]);
        let controls = config("exposure_us = 7800\ngain = 0");
        assert_eq!(
            controls.iter().map(|c| c.id).collect::<Vec<_>>()[..3],
            [EXPOSURE_AUTO, EXPOSURE_AUTO_PRIORITY, EXPOSURE_ABSOLUTE]
        );
        assert_eq!(set(&mut d, &controls), Look::default());
        assert_eq!([d.values[&EXPOSURE_AUTO].0, d.values[&EXPOSURE_ABSOLUTE].0, d.values[&GAIN].0], [1, 78, 0]);
    }

    #[test]
    fn what_was_not_done_is_told_in_the_unit_of_the_configuration() {
        let mut d = driver(&[(EXPOSURE_AUTO, 3, 3, 3), (EXPOSURE_ABSOLUTE, 156, 3, 2047)]);
        let found = set(&mut d, &config("exposure_us = 500000\nfocus = 10"));
        assert_eq!(
            found.wrong,
            [
                "exposure_us: the camera does not leave its automatic mode (Rejected)",
                "exposure_us: asked for 500000, the camera has 204700 (Rejected)",
                "focus: this camera has none; take it out of the configuration",
            ]
        );
    }

    #[test]
    fn a_camera_that_changed_its_exposure_is_noticed() {
        let mut d = driver(&[(EXPOSURE_AUTO, 1, 0, 3), (EXPOSURE_ABSOLUTE, 78, 3, 2047)]);
        let controls = config("exposure_us = 7800");
        assert_eq!(look(&mut d, &controls), Look::default());
        d.values.get_mut(&EXPOSURE_ABSOLUTE).unwrap().0 = 300;
        assert_eq!(look(&mut d, &controls).wrong, ["exposure_us: asked for 7800, the camera has 30000"]);
        assert_eq!(set(&mut d, &controls), Look::default());
    }

    /// Each question to a dead camera takes five seconds: one is enough.
    #[test]
    fn a_dead_camera_is_asked_once() {
        let mut d = Driver { dead: true, ..driver(&[(EXPOSURE_ABSOLUTE, 78, 3, 2047)]) };
        let controls = config("exposure_us = 7800\ngain = 3");
        for found in [set(&mut d, &controls), look(&mut d, &controls)] {
            assert_eq!(found, Look { wrong: vec![], silent: Some("Connection timed out".to_owned()) });
        }
        assert_eq!(d.asked, 2);
    }
}
