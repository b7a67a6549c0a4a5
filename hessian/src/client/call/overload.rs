//! Names of overloaded methods: the method with the types of its arguments, as Java's services register it.
//!
//! As `AbstractSkeleton.mangleName` in the Java library does with the types that a method declares. What is sent knows
//! less of them: a list without a type is taken for a `List`, a map for a `Map`.

use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::rpc::Call;
use crate::value::{Node, Value, View};
use std::fmt::Write;

/// The full name of the method of a call that was encoded.
pub(super) fn name(call: &[u8]) -> Result<String> {
    let (call, _) = Call::parse(call, &Limits::UNBOUNDED)?;
    let mut name = call.method().to_owned();
    for (index, argument) in call.arguments().enumerate() {
        let Some(ty) = type_of(argument) else {
            let told = format!(
                "argument {} has no type to tell overloaded methods by; call the method by its full name, such as {name}_int",
                index + 1
            );
            return Err(Error::new(ErrorKind::Message(told)));
        };
        // Writing to a string does not fail.
        let _ = write!(name, "_{ty}");
    }
    Ok(name)
}

fn type_of(argument: View<'_, '_>) -> Option<String> {
    let ty = match argument.value() {
        Value::Null => return None,
        Value::Bool(_) => "boolean",
        Value::Int(_) => "int",
        Value::Long(_) => "long",
        Value::Double(_) => "double",
        Value::Date(_) => "date",
        Value::Str(_) | Value::OwnedStr(_) | Value::Utf16(_) => "string",
        Value::Binary(_) | Value::OwnedBinary(_) => "binary",
        Value::Remote(_) => match argument.as_remote() {
            Some((Some(interface), _)) => return Some(mangled(interface)),
            _ => return None,
        },
        Value::Node(_) => match (argument.type_name(), argument.node()) {
            (Some(name), _) => return Some(mangled(name)),
            (None, Some(Node::List { .. })) => "List",
            (None, Some(Node::Map { .. })) => "Map",
            (None, _) => return None,
        },
    };
    Some(ty.to_owned())
}

/// The type that stands for a class, or for a type as lists name it.
fn mangled(name: &str) -> String {
    if name == "[byte" {
        return "binary".into();
    }
    if let Some(element) = name.strip_prefix('[') {
        return format!("[{}", mangled(element));
    }
    let mangled = match name {
        "boolean" | "java.lang.Boolean" => "boolean",
        "int" | "short" | "byte" | "java.lang.Integer" | "java.lang.Short" | "java.lang.Byte" => "int",
        "com.caucho.hessian.io.ByteHandle" | "com.caucho.hessian.io.ShortHandle" => "int",
        "long" | "java.lang.Long" => "long",
        "float" | "double" | "java.lang.Float" | "java.lang.Double" => "double",
        "com.caucho.hessian.io.FloatHandle" => "double",
        "char" | "string" | "java.lang.String" | "java.lang.Character" => "string",
        "date" | "java.util.Date" => "date",
        "object" => "Object",
        "com.caucho.hessian.io.CalendarHandle" => "Calendar",
        "com.caucho.hessian.io.LocaleHandle" => "Locale",
        "com.caucho.hessian.io.InetAddressHandle" => "InetAddress",
        // As Java: from the last point on, unless the name begins with it.
        _ => match name.rfind('.') {
            Some(at @ 1..) => &name[at + 1..],
            _ => name,
        },
    };
    mangled.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::{Arguments, Form, write_call};
    use serde::Serialize;
    use std::collections::BTreeMap;

    fn named(form: Form, arguments: &impl Arguments) -> Result<String> {
        let mut call = Vec::new();
        write_call(form, "f", arguments, &mut call).unwrap();
        name(&call)
    }

    #[derive(Serialize)]
    #[serde(rename = "com.example.Outer$Order")]
    struct Order {
        number: i32,
    }

    #[test]
    fn names_are_those_of_javas_skeleton() {
        for form in [Form::One, Form::Two] {
            let name = |arguments: &dyn Fn() -> Result<String>| arguments().unwrap();
            assert_eq!(name(&|| named(form, &())), "f");
            assert_eq!(name(&|| named(form, &(1, 2i64, 0.5, true))), "f_int_long_double_boolean");
            assert_eq!(name(&|| named(form, &("a", 'b', 3i8, 0.5f32))), "f_string_string_int_double");
            let binary = crate::Binary::from(vec![1]);
            assert_eq!(name(&|| named(form, &(crate::Date::from_millis(0), &binary))), "f_date_binary");
            assert_eq!(name(&|| named(form, &(Order { number: 1 }, [1]))), "f_Outer$Order_List");
            assert_eq!(name(&|| named(form, &(BTreeMap::from([(1, 2)]),))), "f_Map");
        }
        for (ty, expected) in [
            ("[int", "[int"),
            ("[short", "[int"),
            ("[float", "[double"),
            ("[string", "[string"),
            ("[object", "[Object"),
            ("[[byte", "[binary"),
            ("[java.lang.Integer", "[int"),
            ("[com.example.Order", "[Order"),
            ("java.util.LinkedList", "LinkedList"),
            (".odd", ".odd"),
        ] {
            assert_eq!(mangled(ty), expected, "{ty}");
        }
        let error = named(Form::Two, &(1, None::<i32>)).unwrap_err();
        assert!(error.to_string().starts_with("argument 2 has no type"), "{error}");
    }
}
