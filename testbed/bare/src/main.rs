//! What the operator is measured against: the same calls by the same libraries, and nothing else.
//!
//! It has the operator's settings, and prints one number.

mod cpu;
mod patch;
mod select;

use std::{
    env,
    io::{self, Write},
};

use anyhow::{Result, bail};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let figure = match words[..] {
        ["select", readings] => select::cpu_of_a_reading(readings.parse()?).await?,
        ["patch", objects, nics] => patch::calls_per_second(objects.parse()?, nics.parse()?).await?,
        _ => bail!("there are: select READINGS; patch OBJECTS NICS"),
    };
    Ok(writeln!(io::stdout(), "{figure}")?)
}
