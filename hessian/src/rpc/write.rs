//! Messages of typed values.

use super::{Form, ServiceFault, VERSION_ONE, VERSION_TWO};
use crate::encode::{self, Sink};
use crate::error::Result;
use crate::grammar::{Dialect, Final, One};
use crate::ser::Serializer;
use serde::Serialize;
use serde::ser::SerializeMap;

/// Appends a call in Hessian 2, or in Hessian 1 for a service that knows no other (its reply is Hessian 1 then).
///
/// The arguments are a tuple: `()`, `(1,)`, `(1, "two")`, …; they share one table of classes.
///
/// # Errors
/// As [`to_vec`](crate::to_vec), and a name too long for Hessian 1. The buffer is then as it was before.
pub fn write_call<S: Sink>(form: Form, method: &str, arguments: &impl Arguments, out: &mut S) -> Result<()> {
    write_call_for(form, form, method, arguments, out)
}

/// [`write_call`] that tells which form its reply has to be in. A call of Hessian 1 that wants a reply of Hessian 2 is what
/// Java's `HessianProxyFactory` sends unless told otherwise; a call of Hessian 2 gets no other.
///
/// # Errors
/// As [`write_call`].
pub fn write_call_for<S: Sink>(
    form: Form,
    reply: Form,
    method: &str,
    arguments: &impl Arguments,
    out: &mut S,
) -> Result<()> {
    let start = out.position();
    let done = match form {
        Form::Two => {
            let [major, minor] = VERSION_TWO;
            out.put(&[b'H', major, minor, b'C']);
            Final::string(out, method);
            Final::int(out, arguments.count());
            arguments.write(&mut Serializer::<_, Final>::new(out))
        }
        Form::One => {
            let [major, minor] = match reply {
                Form::One => VERSION_ONE,
                Form::Two => VERSION_TWO,
            };
            out.put(&[b'c', major, minor, b'm']);
            encode::short_name(out, method)
                .and_then(|()| arguments.write(&mut Serializer::<_, One>::new(out)))
                .map(|()| out.put(b"z"))
        }
    };
    done.inspect_err(|_| out.cut(start))
}

/// Appends a reply with a value.
///
/// # Errors
/// As [`to_vec`](crate::to_vec). The buffer is then as it was before.
pub fn write_reply<S: Sink, T: Serialize + ?Sized>(form: Form, value: &T, out: &mut S) -> Result<()> {
    let start = out.position();
    let done = match form {
        Form::Two => {
            let [major, minor] = VERSION_TWO;
            out.put(&[b'H', major, minor, b'R']);
            Serializer::<_, Final>::new(out).encode(value)
        }
        Form::One => {
            let [major, minor] = VERSION_ONE;
            out.put(&[b'r', major, minor]);
            Serializer::<_, One>::new(out).encode(value).map(|()| out.put(b"z"))
        }
    };
    done.inspect_err(|_| out.cut(start))
}

/// Appends a fault. `code` is one of Java's ([`Fault`](super::Fault)); `detail` is what Java would throw.
///
/// # Errors
/// As [`to_vec`](crate::to_vec). The buffer is then as it was before.
pub fn write_fault<S: Sink, T: Serialize + ?Sized>(
    form: Form,
    code: &str,
    message: &str,
    detail: Option<&T>,
    out: &mut S,
) -> Result<()> {
    write_entries(form, &Entries { code, message: Some(message), detail }, out)
}

/// Appends a fault as a service tells it. The exception of a method that threw one without a message has none here
/// either, as Java's services do it: its client would put another one in.
///
/// # Errors
/// As [`to_vec`](crate::to_vec). The buffer is then as it was before.
pub fn write_service_fault<S: Sink>(form: Form, fault: &ServiceFault, out: &mut S) -> Result<()> {
    let (code, message) = (&*fault.code, Some(&*fault.message));
    match (&fault.exception, &fault.detail) {
        (Some(exception), _) => {
            let message = message.filter(|_| exception.message.is_some());
            write_entries(form, &Entries { code, message, detail: Some(&**exception) }, out)
        }
        (None, detail) => write_entries(form, &Entries { code, message, detail: detail.as_deref() }, out),
    }
}

fn write_entries<S: Sink, T: Serialize + ?Sized>(
    form: Form,
    fault: &Entries<'_, T>,
    out: &mut S,
) -> Result<()> {
    let start = out.position();
    let done = match form {
        Form::Two => {
            let [major, minor] = VERSION_TWO;
            out.put(&[b'H', major, minor, b'F']);
            Serializer::<_, Final>::new(out).encode(fault)
        }
        Form::One => {
            let [major, minor] = VERSION_ONE;
            out.put(&[b'r', major, minor, b'f']);
            fault.write_flat(&mut Serializer::<_, One>::new(out)).map(|()| out.put(b"zz"))
        }
    };
    done.inspect_err(|_| out.cut(start))
}

/// The entries of a fault.
struct Entries<'a, T: ?Sized> {
    code: &'a str,
    message: Option<&'a str>,
    detail: Option<&'a T>,
}

impl<T: Serialize + ?Sized> Entries<'_, T> {
    fn write_flat<S: Sink>(&self, serializer: &mut Serializer<'_, S, One>) -> Result<()> {
        for (key, value) in [("code", Some(self.code)), ("message", self.message)] {
            serializer.encode(key)?;
            serializer.encode(&value)?;
        }
        if let Some(detail) = self.detail {
            serializer.encode("detail")?;
            serializer.encode(detail)?;
        }
        Ok(())
    }
}

impl<T: Serialize + ?Sized> Serialize for Entries<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", self.code)?;
        map.serialize_entry("message", &self.message)?;
        if let Some(detail) = self.detail {
            map.serialize_entry("detail", detail)?;
        }
        map.end()
    }
}

/// The arguments of a call: tuples of up to 16 serializable values, or a slice. Sealed.
pub trait Arguments: private::Sealed {
    /// How many.
    #[doc(hidden)]
    fn count(&self) -> i32;
    /// Appends each.
    #[doc(hidden)]
    fn write<S: Sink, G: Dialect>(&self, serializer: &mut Serializer<'_, S, G>) -> Result<()>;
}

macro_rules! tuples {
    ($(($($type:ident $index:tt),*) $count:literal;)*) => {
        $(
            impl<$($type: Serialize),*> Arguments for ($($type,)*) {
                fn count(&self) -> i32 {
                    $count
                }
                #[allow(unused_variables, reason = "of the empty tuple")]
                fn write<S: Sink, G: Dialect>(&self, serializer: &mut Serializer<'_, S, G>) -> Result<()> {
                    $(serializer.encode(&self.$index)?;)*
                    Ok(())
                }
            }
            impl<$($type: Serialize),*> private::Sealed for ($($type,)*) {}
        )*
    };
}

/// Arguments whose number is known at run time only, such as graphs; more than [`MAX_ARGUMENTS`](super::MAX_ARGUMENTS) are
/// refused by readers.
impl<T: Serialize> Arguments for &[T] {
    fn count(&self) -> i32 {
        i32::try_from(self.len()).unwrap_or(i32::MAX)
    }
    fn write<S: Sink, G: Dialect>(&self, serializer: &mut Serializer<'_, S, G>) -> Result<()> {
        self.iter().try_for_each(|argument| serializer.encode(argument))
    }
}
impl<T: Serialize> private::Sealed for &[T] {}

tuples! {
    () 0;
    (A0 0) 1;
    (A0 0, A1 1) 2;
    (A0 0, A1 1, A2 2) 3;
    (A0 0, A1 1, A2 2, A3 3) 4;
    (A0 0, A1 1, A2 2, A3 3, A4 4) 5;
    (A0 0, A1 1, A2 2, A3 3, A4 4, A5 5) 6;
    (A0 0, A1 1, A2 2, A3 3, A4 4, A5 5, A6 6) 7;
    (A0 0, A1 1, A2 2, A3 3, A4 4, A5 5, A6 6, A7 7) 8;
    (A0 0, A1 1, A2 2, A3 3, A4 4, A5 5, A6 6, A7 7, A8 8) 9;
    (A0 0, A1 1, A2 2, A3 3, A4 4, A5 5, A6 6, A7 7, A8 8, A9 9) 10;
    (A0 0, A1 1, A2 2, A3 3, A4 4, A5 5, A6 6, A7 7, A8 8, A9 9, A10 10) 11;
    (A0 0, A1 1, A2 2, A3 3, A4 4, A5 5, A6 6, A7 7, A8 8, A9 9, A10 10, A11 11) 12;
    (A0 0, A1 1, A2 2, A3 3, A4 4, A5 5, A6 6, A7 7, A8 8, A9 9, A10 10, A11 11, A12 12) 13;
    (A0 0, A1 1, A2 2, A3 3, A4 4, A5 5, A6 6, A7 7, A8 8, A9 9, A10 10, A11 11, A12 12, A13 13) 14;
    (A0 0, A1 1, A2 2, A3 3, A4 4, A5 5, A6 6, A7 7, A8 8, A9 9, A10 10, A11 11, A12 12, A13 13, A14 14) 15;
    (A0 0, A1 1, A2 2, A3 3, A4 4, A5 5, A6 6, A7 7, A8 8, A9 9, A10 10, A11 11, A12 12, A13 13, A14 14, A15 15) 16;
}

#[expect(unnameable_types, reason = "sealed: nobody else implements Arguments")]
mod private {
    pub trait Sealed {}
}
