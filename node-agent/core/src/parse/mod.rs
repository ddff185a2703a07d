//! Text and objects into types. Whatever is not understood is kept as that, and never taken for nothing.

pub mod bootfile;
pub mod desired;
pub mod foreign;
pub mod predecessor;
pub mod routing;
