//! Where the NICs of a machine are, from which udev makes their names.

/// What a machine is built on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Board {
    /// Of old, and still what OpenStack takes where nobody says otherwise: NICs are in numbered slots of one bus.
    Pc,
    /// With PCI Express: each NIC has a port of its own, which is a bus of its own.
    Q35,
}

impl Board {
    /// The places that NICs may have. What else the machine has is elsewhere.
    pub(crate) const SLOTS: std::ops::RangeInclusive<u8> = 3..=14;

    /// What QEMU calls it.
    pub(crate) fn machine(self) -> &'static str {
        match self {
            Self::Pc => "pc",
            Self::Q35 => "q35",
        }
    }

    /// Devices that must be there for NICs to be plugged into.
    pub(crate) fn devices(self) -> Vec<String> {
        match self {
            Self::Pc => Vec::new(),
            Self::Q35 => Self::SLOTS
                .map(|slot| format!("pcie-root-port,id=port{slot},chassis={slot},slot={slot},addr={slot:#x}"))
                .collect(),
        }
    }

    /// The bus and the address on it.
    pub(crate) fn place(self, slot: u8) -> (String, String) {
        match self {
            Self::Pc => ("pci.0".to_owned(), format!("{slot:#x}")),
            Self::Q35 => (format!("port{slot}"), "0x0".to_owned()),
        }
    }
}
