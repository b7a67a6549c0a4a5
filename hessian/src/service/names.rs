//! Which method a call means.
//!
//! Java's skeleton knows each method under three names: its own, with the number of arguments (`add__2`) and with their
//! types (`add_int_int`, which is what a client with `setOverloadEnabled(true)` sends, of every method that has arguments).
//! The types are Java's and not known here; a name that looks like them is taken for them.

/// A method of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    /// How many arguments it takes.
    pub(super) arity: usize,
}

/// Finds a method by the name in a call: its own name first (of several the one that takes as many arguments), then with
/// the number of its arguments, then with types. `count` tells how many arguments the call has.
pub(super) fn find<'a, E>(
    mut methods: impl Iterator<Item = Named<'a>> + Clone,
    called: &str,
    count: impl Fn() -> Result<usize, E>,
) -> Result<Option<usize>, E> {
    let mut own = methods.clone().enumerate().filter(|(_, method)| method.name == called);
    if let Some((first, _)) = own.next() {
        if own.next().is_none() {
            return Ok(Some(first));
        }
        let count = count()?;
        let fitting = methods.position(|method| method.name == called && method.arity == count);
        return Ok(fitting.or(Some(first)));
    }
    let mut best: Option<(usize, Named<'a>)> = None;
    for (index, method) in methods.enumerate() {
        let longer = best.is_none_or(|(_, best)| best.name.len() < method.name.len());
        if longer && is_overload(called, method) && count()? == method.arity {
            best = Some((index, method));
        }
    }
    Ok(best.map(|(index, _)| index))
}

/// True for the method's name with the number of its arguments, or with as many types.
fn is_overload(called: &str, method: Named<'_>) -> bool {
    let Some(suffix) = called.strip_prefix(method.name).and_then(|rest| rest.strip_prefix('_')) else {
        return false;
    };
    if let Some(number) = suffix.strip_prefix('_') {
        return number.parse() == Ok(method.arity);
    }
    // The name of a class may have a `_` itself.
    method.arity > 0 && suffix.split('_').count() >= method.arity && suffix.split('_').all(is_type)
}

/// True for what `AbstractSkeleton.mangleClass` gives: a type of its own, an array, the simple name of a class.
fn is_type(name: &str) -> bool {
    let name = name.trim_start_matches('[');
    matches!(name, "boolean" | "int" | "long" | "double" | "string" | "date" | "binary" | "xml")
        || name.starts_with(|first: char| first.is_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn found(table: &[(&'static str, usize)], called: &str, count: usize) -> Option<usize> {
        let methods = table.iter().map(|&(name, arity)| Named { name, arity });
        let Ok(found) = find(methods, called, || Ok::<_, Infallible>(count));
        found
    }

    #[test]
    fn a_name_is_looked_up_as_java_does() {
        let table = [("add", 2), ("add", 3), ("get", 1), ("get_all", 1), ("close", 0), ("argInt_0", 1)];
        for (called, count, expected) in [
            ("add", 2, Some(0)),
            ("add", 3, Some(1)),
            ("add", 7, Some(0)), // the fault tells what it takes
            ("add__2", 2, Some(0)),
            ("add__3", 3, Some(1)),
            ("add__4", 4, None),
            ("add_int_int", 2, Some(0)),
            ("add_int_int_int", 3, Some(1)),
            ("add_int_int", 3, None),
            ("add_[int_Map", 2, Some(0)),
            ("add_My_Class_int", 2, Some(0)),
            ("add_int", 1, None),
            ("get_string", 1, Some(2)),
            ("get_all", 1, Some(3)),
            ("get_all_[[Outer$Inner", 1, Some(3)),
            ("get_some", 1, None), // no type has such a name
            ("get_", 1, None),
            ("get__", 1, None),
            ("close", 0, Some(4)),
            ("close_int", 1, None),
            ("close__0", 0, Some(4)),
            ("argInt_0", 1, Some(5)),
            ("argInt_1", 1, None),
            ("argInt_0_int", 1, Some(5)),
            ("", 0, None),
            ("ad", 2, None),
        ] {
            assert_eq!(found(&table, called, count), expected, "{called} of {count}");
        }
    }

    #[test]
    fn what_cannot_be_counted_is_told() {
        let methods = [Named { name: "add", arity: 1 }, Named { name: "add", arity: 2 }];
        assert_eq!(find(methods.into_iter(), "add", || Err::<usize, _>("cut")), Err("cut"));
        assert_eq!(find(methods.into_iter(), "add_int", || Err::<usize, _>("cut")), Err("cut"));
        assert_eq!(find(methods.into_iter(), "sub", || Err::<usize, _>("cut")), Ok(None));
    }
}
