//! The draft for its oldest readers.

use super::{Draft, Grammar, LengthForm, Scan, Token, TypeForm, TypeToken};

/// The [`Draft`] for the Flash clients of the streaming tutorials (November 2007 to March 2008, and Resin 3.1 to its
/// end), which have faults of their own: what they would misread is written in another way or refused with
/// [`ErrorKind::Refused`](crate::ErrorKind::Refused). What is written is read right by every other reader of the draft
/// too. Reading is the same as in the draft.
///
/// | value | the client | written here |
/// | --- | --- | --- |
/// | doubles -32768.0..-1.0 without fraction | reads them unsigned: -1.0 as 255 | as a float, `6b`, or in full |
/// | long below -2^31 | adds 2^64 | as a double, what the client makes of any long |
/// | long beyond ±2^53 | rounds it | refused |
/// | date before 1970 | adds 2^64 ms | refused |
/// | type of a list | loses its place at the second list of the type | left out |
/// | type of a map | keeps it as an extra key `hessianTypeName` | left out |
/// | key of a map that is no string | makes it a string: null as "null" | refused |
/// | list, map or object once more | never forgets the references of earlier messages | written again |
/// | the same inside itself | | refused |
/// | remote object | stops decoding for good | refused |
/// | list of unknown length that starts with true | loses its place | with its length, or refused if unknown |
/// | several values in a message | reads only the first | refused (in a [`Graph`](crate::Graph)) |
///
/// Values that are written again because they are shared count towards
/// [`Limits::max_expansion`](crate::Limits::max_expansion) in its default: sharing upon sharing grows exponentially.
///
/// For the caller to see to: only classes and fields that the movie has, one value in a message, and messages of up to
/// 65,535 bytes, which fit a single `P` frame. All of this is from reading the client's source; it was not run.
#[derive(Debug, Clone, Copy)]
pub enum Tutorial {}

#[expect(private_interfaces, reason = "sealed: nobody else implements a grammar")]
impl Grammar for Tutorial {
    const END: u8 = Draft::END;
    const DEFINITION: Option<u8> = Draft::DEFINITION;
    const LENGTH_AND_END: bool = Draft::LENGTH_AND_END;

    fn token(input: &[u8]) -> Scan<'_, Token> {
        Draft::token(input)
    }
    fn class_name(input: &[u8]) -> Scan<'_, Token> {
        Draft::class_name(input)
    }
    fn type_of(form: TypeForm, input: &[u8]) -> Scan<'_, TypeToken> {
        Draft::type_of(form, input)
    }
    fn length_of(form: LengthForm, input: &[u8]) -> Scan<'_, Option<i32>> {
        Draft::length_of(form, input)
    }
}
