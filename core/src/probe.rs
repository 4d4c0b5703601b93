//! Is this kernel good enough, and if not, what to do: one clear line.

use io_uring::{IoUring, Probe, opcode};

/// Why the engine cannot run here. Each message names the cause and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Unsupported {
    #[error(
        "io_uring is switched off by the sysctl kernel.io_uring_disabled={value}: set it to 0 (sysctl -w kernel.io_uring_disabled=0){hint}"
    )]
    Disabled { value: u8, hint: &'static str },
    #[error(
        "io_uring is refused with {errno}: a sandbox (seccomp profile of Docker, Podman or systemd) forbids io_uring_setup; allow io_uring_setup, io_uring_enter and io_uring_register"
    )]
    Sandbox { errno: &'static str },
    #[error(
        "this kernel has no io_uring (ENOSYS): Spindle needs Linux 6.1 or newer, or a sandbox that lets io_uring_setup pass"
    )]
    Missing,
    #[error("this kernel ({release}) is too old, it lacks {feature}: Spindle needs Linux 6.1 or newer")]
    TooOld { release: String, feature: &'static str },
    #[error(
        "there is no memory for a ring (ENOMEM): raise the memory lock limit (ulimit -l, LimitMEMLOCK= in systemd), or the memory limit (MemoryMax=)"
    )]
    Memory,
    #[error("this kernel could run a core, but not one with these limits: {0}")]
    Limits(std::io::Error),
    #[error("the core could not start: {0}")]
    Other(String),
}

impl Unsupported {
    /// The reason behind an error of setting up a core: when the probe passes, it is not the kernel but the limits.
    pub fn explain_core(error: std::io::Error) -> Unsupported {
        match (error.raw_os_error(), probe()) {
            (Some(libc::EINVAL), Ok(())) => Unsupported::Limits(error),
            _ => Unsupported::explain(&error, disabled()),
        }
    }

    /// The reason behind an error of setting up a small ring; `disabled` is the sysctl kernel.io_uring_disabled.
    fn explain(error: &std::io::Error, disabled: Option<u8>) -> Unsupported {
        match error.raw_os_error() {
            Some(libc::EPERM) => match disabled {
                Some(value @ 1) => {
                    Unsupported::Disabled { value, hint: ", or run as root or in the group of kernel.io_uring_group" }
                }
                Some(value @ 2) => Unsupported::Disabled { value, hint: "" },
                _ => Unsupported::Sandbox { errno: "EPERM" },
            },
            Some(libc::EACCES) => Unsupported::Sandbox { errno: "EACCES" },
            Some(libc::ENOSYS) => Unsupported::Missing,
            Some(libc::ENOMEM) => Unsupported::Memory,
            Some(libc::EINVAL) => Unsupported::TooOld {
                release: release(),
                feature: "SINGLE_ISSUER, DEFER_TASKRUN or provided-buffer rings",
            },
            _ => Unsupported::Other(error.to_string()),
        }
    }
}

/// Tries on a small ring everything that the engine relies on.
pub fn probe() -> Result<(), Unsupported> {
    let ring: IoUring = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_submit_all()
        .build(8)
        .map_err(|error| Unsupported::explain(&error, disabled()))?;
    let too_old = |feature| Unsupported::TooOld { release: release(), feature };
    if !ring.params().is_feature_ext_arg() {
        return Err(too_old("timeouts of io_uring_enter"));
    }
    if !ring.params().is_feature_submit_stable() {
        return Err(too_old("stable submissions"));
    }
    let mut known = Probe::new();
    ring.submitter().register_probe(&mut known).map_err(|error| Unsupported::explain(&error, disabled()))?;
    let needed = [
        (opcode::AcceptMulti::CODE, "accept"),
        (opcode::RecvMulti::CODE, "receive"),
        (opcode::Send::CODE, "send"),
        (opcode::SendMsg::CODE, "sendmsg"),
        (opcode::SendMsgZc::CODE, "zero-copy sendmsg"),
        (opcode::Shutdown::CODE, "shutdown"),
        (opcode::Splice::CODE, "splice"),
        (opcode::OpenAt2::CODE, "openat2"),
        (opcode::RenameAt::CODE, "rename"),
        (opcode::MkDirAt::CODE, "mkdir"),
        (opcode::AsyncCancel2::CODE, "cancel"),
    ];
    match needed.iter().find(|(code, _)| !known.is_supported(*code)) {
        Some((_, feature)) => Err(too_old(feature)),
        None => Ok(()),
    }
}

fn disabled() -> Option<u8> {
    std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").ok()?.trim().parse().ok()
}

fn release() -> String {
    nix::sys::utsname::uname().map_or_else(|_| "unknown".into(), |name| name.release().to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Error;

    #[test]
    fn every_refusal_says_what_to_do() {
        for (errno, disabled, words) in [
            (libc::EACCES, None, "seccomp"),
            (libc::EPERM, None, "seccomp"),
            (libc::EPERM, Some(0), "seccomp"),
            (libc::EPERM, Some(1), "kernel.io_uring_group"),
            (libc::EPERM, Some(2), "sysctl -w kernel.io_uring_disabled=0"),
            (libc::ENOSYS, None, "Linux 6.1"),
            (libc::ENOMEM, None, "LimitMEMLOCK"),
            (libc::EINVAL, None, "Linux 6.1"),
            (libc::EIO, None, "could not start"),
        ] {
            let message = Unsupported::explain(&Error::from_raw_os_error(errno), disabled).to_string();
            assert!(message.contains(words), "{message}");
            assert!(!message.contains('\n'), "one line");
        }
    }

    #[test]
    fn this_kernel_is_probed() {
        probe().expect("the tests need what the product needs");
    }
}
