//! The bytes and texts of a vector: hex, or base64 of gzip, or repeated units.

use super::model::array;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::Value as Json;
use std::io::Read;

/// Bytes that one field may unfold to. Stops gzip bombs in files from elsewhere.
const MAX_BYTES: u64 = 256 << 20;

/// The bytes of `{prefix}hex` or `{prefix}hex_gz_b64`; `None` when the line has neither.
pub(crate) fn bytes(line: &Json, prefix: &str) -> Result<Option<Vec<u8>>, String> {
    if let Some(hex) = line[format!("{prefix}hex")].as_str() {
        return unhex(hex).map(Some);
    }
    let Some(packed) = line[format!("{prefix}hex_gz_b64")].as_str() else { return Ok(None) };
    let bytes = unpack(packed)?;
    match line[format!("{prefix}len")].as_u64() {
        Some(len) if len != bytes.len() as u64 => {
            Err(format!("{prefix}len is {len}, but the bytes are {}", bytes.len()))
        }
        _ => Ok(Some(bytes)),
    }
}

/// The units of a string value.
pub(crate) fn text(json: &Json) -> Result<Vec<u16>, String> {
    if let Some(text) = json["v"].as_str() {
        return Ok(text.encode_utf16().collect());
    }
    if let Some(hex) = json["utf16"].as_str() {
        return units(&unhex(hex)?);
    }
    if let Some(packed) = json["utf16_gz_b64"].as_str() {
        return units(&unpack(packed)?);
    }
    if let Some(packed) = json["utf8_gz_b64"].as_str() {
        let text = String::from_utf8(unpack(packed)?).map_err(|error| error.to_string())?;
        return Ok(text.encode_utf16().collect());
    }
    repeated(&json["rep"], |unit| Ok(unit.encode_utf16().collect()))
}

/// The bytes of a binary value.
pub(crate) fn binary(json: &Json) -> Result<Vec<u8>, String> {
    if let Some(hex) = json["hex"].as_str() {
        return unhex(hex);
    }
    if let Some(packed) = json["gz_b64"].as_str() {
        return unpack(packed);
    }
    repeated(&json["rep"], unhex)
}

fn repeated<T: Clone>(rep: &Json, unit: impl Fn(&str) -> Result<Vec<T>, String>) -> Result<Vec<T>, String> {
    let mut all = Vec::new();
    for part in array(rep)? {
        let (Some(text), Some(count)) = (part[0].as_str(), part[1].as_u64()) else {
            return Err(format!("a rep of [unit, count] expected, found {part}"));
        };
        let unit = unit(text)?;
        if all.len() as u64 + (unit.len() as u64).saturating_mul(count) > MAX_BYTES {
            return Err(format!("a rep of more than {MAX_BYTES}"));
        }
        for _ in 0..count {
            all.extend_from_slice(&unit);
        }
    }
    Ok(all)
}

fn units(bytes: &[u8]) -> Result<Vec<u16>, String> {
    match bytes.as_chunks::<2>() {
        (units, []) => Ok(units.iter().map(|&unit| u16::from_be_bytes(unit)).collect()),
        _ => Err("UTF-16 of an odd number of bytes".into()),
    }
}

fn unhex(hex: &str) -> Result<Vec<u8>, String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or("hex with something that is no digit");
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err("hex of an odd number of digits".into());
    }
    #[expect(clippy::cast_possible_truncation, reason = "two digits")]
    pairs.iter().map(|&[high, low]| Ok((digit(high)? << 4 | digit(low)?) as u8)).collect()
}

fn unpack(packed: &str) -> Result<Vec<u8>, String> {
    let packed = STANDARD.decode(packed).map_err(|error| format!("base64: {error}"))?;
    let mut bytes = Vec::new();
    GzDecoder::new(&*packed)
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("gzip: {error}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("gzip of more than {MAX_BYTES} bytes"));
    }
    Ok(bytes)
}
