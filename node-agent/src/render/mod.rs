//! Boot configuration as text, one module per backend. Pure: no file is touched here.

pub mod netplan;
