//! What servers make of the uploads that they have acknowledged, once the load is over.

use super::rival::Replacing;
use crate::load::http::ReadBack;
use crate::peers::figures::Saturated;

/// How many objects are torn, by a server that may tear them.
pub(super) fn judge(back: ReadBack, replacing: Replacing, saturated: &Saturated) -> Result<u64, String> {
    match (back, replacing) {
        (ReadBack { uploaded: 0, torn: 0, .. }, _) if saturated.per_second > 0.0 => {
            Err("its uploads are not there: every object is as it was before".into())
        }
        (ReadBack { torn, .. }, Replacing::Whole) if torn > 0 => {
            Err(format!("{torn} of {} objects are parts of several uploads", back.objects()))
        }
        _ => Ok(back.torn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_that_nobody_finds_again_are_wrong() {
        let back = |filled, uploaded, torn| ReadBack { filled, uploaded, torn };
        let (busy, idle) = (Saturated { per_second: 9.0, ..Saturated::default() }, Saturated::default());
        assert_eq!(judge(back(1, 9, 0), Replacing::Whole, &busy), Ok(0));
        assert_eq!(judge(back(0, 9, 1), Replacing::InPlace, &busy), Ok(1));
        assert!(judge(back(0, 9, 1), Replacing::Whole, &busy).unwrap_err().starts_with("1 of 10 objects"));
        for replacing in [Replacing::Whole, Replacing::InPlace] {
            assert!(judge(back(10, 0, 0), replacing, &busy).unwrap_err().starts_with("its uploads are not there"));
            assert_eq!(judge(back(10, 0, 0), replacing, &idle), Ok(0), "nothing was uploaded");
        }
    }
}
