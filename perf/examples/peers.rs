//! Spindle beside its peers, without the appliance: `--spindle PATH` names a built binary; without it the peers alone.
//!
//! Options: --spindle PATH, --memcached PATH, --other NAME=PATH, --ceiling PATH|build|none, --rounds N, --seconds S,
//! --rows get-64x1,items,..., --quick.

use std::process::ExitCode;
use std::time::Duration;

use spindle_perf::peers::{Ceiling, Options, Other, run};

fn main() -> ExitCode {
    let result = options().and_then(|options| run(&options).map_err(|error| error.to_string()));
    match result {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options, String> {
    let mut options = Options::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--quick" {
            options = options.quick();
            continue;
        }
        let value = words.next().ok_or(format!("{word} needs a value"))?;
        let unreadable = || format!("{word} does not take {value:?}");
        match word.as_str() {
            "--spindle" => options.spindle = Some(value.into()),
            "--memcached" => options.memcached = Some(value.into()),
            "--other" => {
                let (name, binary) = value.split_once('=').ok_or_else(unreadable)?;
                options.others.push(Other { name: name.into(), binary: binary.into() });
            }
            "--ceiling" if value == "build" => options.ceiling = Ceiling::Build,
            "--ceiling" if value == "none" => options.ceiling = Ceiling::Absent,
            "--ceiling" => options.ceiling = Ceiling::Binary(value.into()),
            "--rounds" => options.rounds = value.parse().map_err(|_| unreadable())?,
            "--seconds" => {
                let seconds = value.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                options.measured = seconds.ok_or_else(unreadable)?;
            }
            "--rows" => {
                let rows: Result<_, _> = value.split(',').map(str::parse).collect();
                options.rows = rows.map_err(|error: spindle_perf::peers::UnknownRow| error.to_string())?;
            }
            _ => return Err(format!("there is no option {word}")),
        }
    }
    Ok(options)
}
