//! What servers make of the uploads that they have acknowledged, once the load is over.

use super::rival::Replacing;
use crate::load::http::ReadBack;

/// How far chance may lead away from the mean, in deviations.
const DEVIATIONS: f64 = 6.0;

/// How many objects are torn, by a server that may tear them. `puts` were acknowledged in one run, of objects drawn evenly:
/// of n objects about n * e^(-puts / n) are not among them, and more than that have been lost. (A server that keeps the first
/// upload of each object, and none of the later ones, is not found out: which version is the last one is not known any more.)
pub(super) fn judge(back: ReadBack, replacing: Replacing, puts: u64) -> Result<u64, String> {
    let objects = back.objects() as f64;
    let untouched = objects * (-(puts as f64) / objects.max(1.0)).exp();
    let by_chance = untouched + DEVIATIONS * untouched.sqrt().max(1.0);
    match (back, replacing) {
        (ReadBack { filled, uploaded, torn }, _)
            if filled as f64 > by_chance || (puts > 0 && filled > 0 && uploaded + torn == 0) =>
        {
            Err(format!(
                "its uploads are not there: of {objects} objects {filled} are as they were before {puts} uploads"
            ))
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
        assert_eq!(judge(back(5, 995, 0), Replacing::Whole, 10_000), Ok(0));
        assert_eq!(judge(back(0, 999, 1), Replacing::InPlace, 10_000), Ok(1));
        assert!(judge(back(0, 999, 1), Replacing::Whole, 10_000).unwrap_err().starts_with("1 of 1000 objects"));
        for replacing in [Replacing::Whole, Replacing::InPlace] {
            for filled in [7, 999, 1000] {
                let error = judge(back(filled, 1000 - filled, 0), replacing, 10_000).unwrap_err();
                assert!(error.starts_with("its uploads are not there"), "{error}");
            }
            assert_eq!(judge(back(1000, 0, 0), replacing, 0), Ok(0), "nothing was uploaded");
            assert_eq!(judge(back(370, 630, 0), replacing, 1000), Ok(0), "each was drawn once in the mean");
            assert!(judge(back(1000, 0, 0), replacing, 500).is_err());
            assert!(judge(back(1000, 0, 0), replacing, 1).is_err());
        }
    }
}
