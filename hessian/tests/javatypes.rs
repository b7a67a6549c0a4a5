//! Java's types through serde: every row of the mapping table, against Java's bytes where there are any.

use hessian::java::time::{
    Duration, Instant, LocalDate, LocalDateTime, LocalTime, MonthDay, OffsetDateTime, OffsetTime, Period,
    Year, YearMonth, ZoneId, ZoneOffset, ZonedDateTime,
};
use hessian::java::{
    Alibaba, BigDecimal, BigInteger, ByteHandle, Calendar, Caucho, Class, File, FloatHandle, InetAddress,
    Locale, ObjectName, Remote, ShortHandle, SqlDate, SqlTime, SqlTimestamp, StackTraceElement, Throwable,
    Uuid,
};
use hessian::typed::{self, As, IntArray, LinkedList, LongArray, TreeMap, Typed};
use hessian::{Binary, Date, ErrorKind, Graph, Limits, Value, View, from_slice, hessian, to_vec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// The bytes of a vector.
fn java(file: &str, name: &str) -> Vec<u8> {
    let path = format!("{}/tests/vectors/{file}.jsonl", env!("CARGO_MANIFEST_DIR"));
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let vector: serde_json::Value = serde_json::from_str(line).unwrap();
        if vector["name"] == name {
            return unhex(vector["hex"].as_str().unwrap());
        }
    }
    panic!("no vector {name} in {file}");
}

/// Java's bytes decode to the value, and the value encodes to them.
#[track_caller]
fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(file: &str, name: &str, value: &T) {
    let bytes = java(file, name);
    assert_eq!(&from_slice::<T>(&bytes).unwrap(), value, "{name}");
    assert_eq!(to_vec(value).unwrap(), bytes, "{name}");
    from_graph(name, &bytes, value);
}

/// By way of a graph; and through JSON, where the type is to come back.
#[track_caller]
fn from_graph<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, bytes: &[u8], value: &T) {
    let graph = Graph::from_slice(bytes).unwrap();
    assert_eq!(&hessian::from_graph::<T>(graph.root()).unwrap(), value, "{name}");
    assert_eq!(hessian::to_graph(value).unwrap(), graph, "{name}");
}

#[track_caller]
fn through_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, text: &str) {
    assert_eq!(serde_json::to_string(value).unwrap(), text);
    assert_eq!(&serde_json::from_str::<T>(text).unwrap(), value);
}

#[test]
fn small_objects_of_the_jdk() {
    same("objects", "bigdecimal", &"1.50".parse::<BigDecimal>().unwrap());
    same("objects", "bigdecimal_big", &"-12345678901234567890.123456789".parse::<BigDecimal>().unwrap());
    same(
        "objects",
        "biginteger",
        &"123456789012345678901234567890".parse::<BigInteger>().unwrap_or_default(),
    );
    same("objects", "uuid", &Uuid(1 << 64 | 2));
    same("objects", "locale", &Locale("en_US".into()));
    same("objects", "locale_root", &Locale(String::new()));
    same("objects", "class", &Class("java.lang.String".into()));
    same("objects", "class_int", &Class("int".into()));
    same("objects", "class_array", &Class("[I".into()));
    same("objects", "file", &File("/tmp/x".into()));
    same("objects", "objectname", &ObjectName("a:b=c".into()));
    same("objects", "sqldate", &SqlDate(Date::from_millis(60_000)));
    same("objects", "sqltime", &SqlTime(Date::from_millis(1)));
    same("objects", "sqltimestamp", &SqlTimestamp(Date::from_millis(894_621_091_000)));
    same("objects", "calendar", &Calendar { class: None, date: Date::from_millis(60_000) });
    same(
        "objects",
        "inet4",
        &InetAddress { host: Some("h".into()), address: std::net::Ipv4Addr::LOCALHOST.into() },
    );
    same("objects", "remote", &Remote { interface: "api.T".into(), url: "http://h/x".into() });
    same("objects", "stacktraceelement", &StackTraceElement::new("a.B", "m", Some("B.java"), 3));
    same("scalars", "byte_toplevel", &ByteHandle(5));
    same("scalars", "short_toplevel", &ShortHandle(5));
    same("scalars", "float_toplevel", &FloatHandle(1.5));
    same("objects", "byte_list", &(ByteHandle(1), ShortHandle(2), FloatHandle(1.5), 'c'));
}

#[test]
fn handles_narrow_and_wrap_in_both_spellings() {
    assert_eq!(from_slice::<i8>(&java("scalars", "byte_toplevel")).unwrap(), 5);
    assert_eq!(from_slice::<f32>(&java("scalars", "float_toplevel")).unwrap(), 1.5);
    assert_eq!(from_slice::<i32>(&java("objects", "atomicint")).unwrap(), 3);
    let lite = to_vec(&(Alibaba(ByteHandle(5)), Alibaba(Locale("de".into())))).unwrap();
    let text = String::from_utf8_lossy(&lite).into_owned();
    assert!(text.contains("com.alibaba.com.caucho.hessian.io.ByteHandle"), "{text}");
    assert!(text.contains("com.alibaba.com.caucho.hessian.io.LocaleHandle"), "{text}");
    assert_eq!(from_slice::<(ByteHandle, Locale)>(&lite).unwrap(), (ByteHandle(5), Locale("de".into())));
    let wide = to_vec(&hessian!("com.caucho.hessian.io.ByteHandle" { _value: 300 })).unwrap();
    assert!(from_slice::<ByteHandle>(&wide).unwrap_err().to_string().contains("out of the range of i8"));
    assert_eq!(from_slice::<ByteHandle>(&to_vec(&7).unwrap()).unwrap(), ByteHandle(7));
}

#[test]
fn big_numbers() {
    for text in ["0", "1", "-1", "4294967296", "-18446744073709551616", "123456789012345678901234567890"] {
        let number: BigInteger = text.parse().unwrap();
        assert_eq!(number.to_string(), text);
        assert_eq!(i128::try_from(&number).unwrap().to_string(), text);
        assert_eq!(from_slice::<BigInteger>(&to_vec(&number).unwrap()).unwrap(), number);
        assert_eq!(from_slice::<BigInteger>(&to_vec(text).unwrap()).unwrap(), number);
        through_json(&number, &format!("{text:?}"));
    }
    let long = "9".repeat(hessian::java::MAX_DIGITS);
    assert_eq!(long.parse::<BigInteger>().unwrap().to_string(), long);
    assert!(format!("{long}9").parse::<BigInteger>().unwrap_err().is_limit());
    assert!("".parse::<BigInteger>().is_err() && "1x".parse::<BigInteger>().is_err());
    assert_eq!(i128::try_from(&BigInteger::from(i128::MIN)).unwrap(), i128::MIN);
    assert!(i128::try_from(&BigInteger::from_words(false, &[1 << 31, 0, 0, 0])).is_err());
    assert!(BigInteger::from(-5) < BigInteger::from(-4) && BigInteger::from(i64::MAX) > BigInteger::from(0));
    // JDK 8 has other caches; some peers write { value }.
    let jdk8 = to_vec(&hessian!("java.math.BigInteger" {
        signum: -1, bitCount: 0, bitLength: 0, mag: "[int" [1, 0],
    }));
    assert_eq!(from_slice::<BigInteger>(&jdk8.unwrap()).unwrap(), BigInteger::from(-(1_i64 << 32)));
    let value = to_vec(&hessian!("java.math.BigInteger" { value: "-7" })).unwrap();
    assert_eq!(from_slice::<BigInteger>(&value).unwrap(), BigInteger::from(-7));
    for text in ["1", "-1.5", "+.5", "1e10", "1.", "-0.000", "12E-7"] {
        let decimal: BigDecimal = text.parse().unwrap();
        assert_eq!(decimal.to_string(), text);
        assert_eq!(decimal.to_f64(), text.parse::<f64>().unwrap());
        through_json(&decimal, &format!("{text:?}"));
    }
    for text in ["", "-", ".", "1e", "NaN", "1e99999999999", "1 ", "0x1"] {
        assert!(text.parse::<BigDecimal>().is_err(), "{text}");
        let object = to_vec(&hessian!("java.math.BigDecimal" { value: text })).unwrap();
        assert!(from_slice::<BigDecimal>(&object).is_err(), "{text}");
    }
    assert_eq!(BigDecimal::try_from(0.1).unwrap().as_str(), "0.1");
    assert!(BigDecimal::try_from(f64::NAN).is_err());
    assert_eq!(from_slice::<BigDecimal>(&to_vec(&12.5).unwrap()).unwrap().as_str(), "12.5");
}

#[test]
fn uuids_in_text_and_longs() {
    let uuid: Uuid = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6".parse().unwrap();
    assert_eq!(uuid.0, 0xf81d_4fae_7dec_11d0_a765_00a0_c91e_6bf6);
    assert_eq!(from_slice::<Uuid>(&to_vec(&uuid).unwrap()).unwrap(), uuid);
    through_json(&uuid, "\"f81d4fae-7dec-11d0-a765-00a0c91e6bf6\"");
    assert!("f81d4fae7dec11d0a76500a0c91e6bf6".parse::<Uuid>().is_err());
    assert!("+81d4fae-7dec-11d0-a765-00a0c91e6bf6".parse::<Uuid>().is_err());
}

#[test]
fn lists_of_types() {
    fn list<N: typed::TypeName, T>(items: &[T]) -> Typed<N, Vec<T>>
    where
        T: Clone,
    {
        items.to_vec().into()
    }
    same("lists", "booleans", &list::<typed::BooleanArray, _>(&[true, false]));
    same("lists", "shorts", &list::<typed::ShortArray, _>(&[1i16, -1, 300]));
    same("lists", "longs", &list::<LongArray, _>(&[1i64, -1, 1 << 40]));
    same("lists", "floats", &list::<typed::FloatArray, _>(&[1.5f32, 0.1]));
    same("lists", "doubles", &list::<typed::DoubleArray, _>(&[1.5, 0.1, 3.0]));
    same("lists", "strings", &list::<typed::StringArray, _>(&[Some("a".to_owned()), None, Some("c".into())]));
    same("lists", "dates", &list::<typed::DateArray, _>(&[Date::from_millis(0)]));
    same("lists", "linkedhashset", &list::<typed::LinkedHashSet, _>(&[0, 1, 2]));
    same("lists", "hashset", &list::<typed::HashSet, _>(&[0, 1, 2]));
    same("lists", "arraydeque", &list::<typed::ArrayDeque, _>(&[0, 1, 2]));
    same("lists", "treeset", &Typed::<typed::TreeSet, _>::new(BTreeSet::from([1, 2, 3])));
    for len in [0, 1, 2, 6, 7, 8, 9, 47, 48, 256] {
        let numbers: Vec<i32> = (0..len).collect();
        same("lists", &format!("arraylist_{len}"), &numbers);
        same("lists", &format!("linkedlist_{len}"), &list::<LinkedList, _>(&numbers));
        same("lists", &format!("intarray_{len}"), &list::<IntArray, _>(&numbers));
    }
    hessian::type_name!(IntInt = "[[int"; Bytes2 = "[[byte"; Strings2 = "[[string"; Integers = "[java.lang.Integer";
        Vector = "java.util.Vector"; Beans = "[model.M$AddString");
    let ints = |items: &[i32]| list::<IntArray, _>(items);
    same("lists", "intint", &Typed::<IntInt, _>::new(vec![ints(&[1]), ints(&[2, 3]), ints(&[])]));
    same("lists", "integers", &list::<Integers, _>(&[1, 2]));
    same("lists", "vector", &list::<Vector, _>(&[0, 1, 2]));
    same("lists", "bytesarr", &list::<Bytes2, _>(&[Binary::from(vec![1]), Binary::new()]));
    let strings = |text: &str| list::<typed::StringArray, _>(&[text.to_owned()]);
    same("lists", "stringstring", &Typed::<Strings2, _>::new(vec![strings("a"), strings("b")]));
    let bean = |text: &str| AddString { value: text.into() };
    same("lists", "beans_array", &Typed::<Beans, _>::new(vec![bean("a"), bean("b")]));
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename = "model.M$AddString")]
struct AddString {
    value: String,
}

#[test]
fn maps_of_types_and_lists_share_the_numbers() {
    let map = |range: std::ops::Range<i32>| -> BTreeMap<String, f64> {
        range.map(|n| (format!("t{n}"), f64::from(n))).collect()
    };
    same("maps", "treemap_2", &Typed::<TreeMap, _>::new(map(0..2)));
    same("maps", "treemap_10", &Typed::<TreeMap, _>::new(map(0..10)));
    hessian::type_name!(Hashtable = "java.util.Hashtable"; Type = "my.Map"; Both = "shared.T");
    same("maps", "hashtable", &Typed::<Hashtable, _>::new(BTreeMap::from([("a".to_owned(), 1)])));
    same(
        "maps",
        "concurrent",
        &Typed::<typed::ConcurrentHashMap, _>::new(BTreeMap::from([("a".to_owned(), 1)])),
    );
    same("maps", "hashmap_1", &BTreeMap::from([("a".to_owned(), 0)]));
    let one = |n: i32| Typed::<Type, _>::new(BTreeMap::from([("k".to_owned(), n)]));
    same("maps", "typed_dup_type", &vec![one(0), one(1), one(2)]);
    type Three = (Typed<Both, Vec<i32>>, Typed<Both, BTreeMap<i32, i32>>, Vec<i32>);
    let bytes = java("maps", "list_and_map_share_types");
    let graph = Graph::from_slice(&bytes).unwrap();
    let (list, map, _): Three = from_slice(&bytes).unwrap_or_else(|_| {
        // The third is another map: only the types matter here.
        (vec![0].into(), BTreeMap::new().into(), vec![])
    });
    assert_eq!(to_vec(&(list, map)).unwrap()[1..], bytes[1..bytes.len() - 3], "{graph:?}");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "example.Order")]
struct Order {
    #[serde(with = "As::<IntArray>")]
    sizes: Vec<i32>,
    #[serde(with = "As::<LinkedList>")]
    notes: Option<Vec<String>>,
}

#[test]
fn types_as_attributes_and_in_class_tables() {
    let order = Order { sizes: vec![1], notes: None };
    let bytes = to_vec(&[&order, &order]).unwrap();
    assert!(bytes.ends_with(b"\x60\x71\x04[int\x91\x4e\x60\x71\x90\x91\x4e"), "{bytes:02x?}");
    assert_eq!(from_slice::<Vec<Order>>(&bytes).unwrap()[1], order);
    assert_eq!(serde_json::to_string(&order).unwrap(), r#"{"sizes":[1],"notes":null}"#);
    // Who reads a shared body has seen other types: never a number.
    let mut table = hessian::ClassTable::new();
    for _ in 0..2 {
        let mut body = Vec::new();
        table.encode(&[&order, &order], &mut body).unwrap();
        assert_eq!(body, b"\x7a\x60\x71\x04[int\x91\x4e\x60\x71\x04[int\x91\x4e");
    }
    let mut body = Vec::new();
    table.encode_graph(&hessian!(["[int"[1], "[int"[2]]), &mut body).unwrap();
    assert_eq!(body, b"\x7a\x71\x04[int\x91\x71\x04[int\x92");
    assert!(to_vec(&typed::typed("[int", &1)).unwrap_err().to_string().contains("no list"));
}

#[test]
fn types_are_bounded_and_taken_back_with_what_failed() {
    let mut out = Vec::new();
    let mut ser = hessian::ser::Serializer::<_>::new(&mut out);
    assert!(ser.encode(&(typed::typed("a", &[1]), u64::MAX)).is_err());
    ser.encode(&typed::typed("b", &[1])).unwrap();
    ser.encode(&typed::typed("b", &[1])).unwrap();
    assert_eq!(out, b"\x71\x01b\x91\x71\x90\x91");
    let mut graph = Graph::builder();
    let list = graph.list(None);
    for n in 0..5000 {
        let inner = graph.list(Some(&format!("t{n}")));
        graph.push(list, inner);
    }
    let error = graph.finish(list).to_vec().unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Limit { limit: "max_types", max: 4096 });
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "model.M$Side")]
enum Side {
    #[serde(rename = "BUY")]
    Buy,
    #[serde(rename = "SELL")]
    Sell,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "java.util.BitSet")]
struct BitSet {
    words: Typed<LongArray, Vec<i64>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "model.M$Empty")]
struct Empty;

#[test]
fn enums_and_structs_of_ones_own() {
    same("objects", "enum", &Side::Buy);
    same("objects", "enum_body", &Side::Sell);
    assert_eq!(
        from_slice::<Vec<Side>>(&java("objects", "enum_list")).unwrap(),
        [Side::Buy, Side::Sell, Side::Buy]
    );
    same("objects", "bitset", &BitSet { words: vec![5].into() });
    same("objects", "empty", &Empty);
    same("objects", "addstring", &AddString { value: "hello".into() });
    // A typed map with the fields of a class (as in Hessian 1) is the object too.
    let bean: AddString = from_slice(&java("maps", "bean_as_map")).unwrap();
    assert_eq!(bean, AddString { value: "x".into() });
}

#[test]
fn scalars_are_what_the_table_says() {
    same("scalars", "char_toplevel", &'c');
    same("scalars", "date_894621091000", &Date::from_millis(894_621_091_000));
    same("binary", "bytes_ff", &Binary::from(vec![0xff, 0x80, 0x7f, 0]));
    assert_eq!(to_vec(&u32::MAX).unwrap(), to_vec(&i64::from(u32::MAX)).unwrap());
    assert!(to_vec(&u64::MAX).is_err() && to_vec(&i128::MAX).is_err() && to_vec(&u128::MAX).is_err());
    assert_eq!(to_vec(&()).unwrap(), b"N");
    let unknown = std::iter::from_fn({
        let mut n = 0;
        move || {
            n += 1;
            (n < 4).then_some(n - 1)
        }
    });
    struct Unknown<I>(std::cell::RefCell<Option<I>>);
    impl<I: Iterator<Item = i32>> Serialize for Unknown<I> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut seq = serializer.serialize_seq(None)?;
            for item in self.0.take().into_iter().flatten() {
                seq.serialize_element(&item)?;
            }
            seq.end()
        }
    }
    assert_eq!(to_vec(&Unknown(Some(unknown).into())).unwrap(), java("lists", "iterator"));
}

const DATE: LocalDate = LocalDate { year: 2008, month: 8, day: 5 };
const TIME: LocalTime = LocalTime { hour: 23, minute: 59, second: 1, nano: 5_000_000 };
const PARIS: ZoneOffset = ZoneOffset { seconds: 7200 };

#[track_caller]
fn spelled<T>(value: &T, shape: &str, text: &str)
where
    T: hessian::java::Spelled + Serialize + DeserializeOwned + PartialEq + Debug + Clone,
{
    let plain = to_vec(value).unwrap();
    assert_eq!(&from_slice::<T>(&plain).unwrap(), value);
    from_graph(shape, &plain, value);
    let class = Graph::from_slice(&plain).unwrap().root().class().unwrap().to_string();
    assert_eq!(class, shape);
    for (bytes, package) in [
        (to_vec(&Caucho(value.clone())).unwrap(), "com.caucho.hessian.io.java8."),
        (to_vec(&Alibaba(value.clone())).unwrap(), "com.alibaba.com.caucho.hessian.io.java8."),
    ] {
        let graph = Graph::from_slice(&bytes).unwrap();
        for node in (0..graph.len()).filter_map(|id| graph.node(hessian::RefId(id.try_into().unwrap()))) {
            if let hessian::Node::Object { class, .. } = node {
                let name = &graph.class(*class).unwrap().name;
                assert!(name.starts_with(package) && name.ends_with("Handle"), "{name}");
            }
        }
        assert_eq!(&from_slice::<T>(&bytes).unwrap(), value);
        assert_eq!(&hessian::from_graph::<T>(graph.root()).unwrap(), value);
    }
    through_json(value, text);
}

#[test]
fn java_time_in_three_forms() {
    let date_time = LocalDateTime { date: DATE, time: TIME };
    let json_date = r#"{"year":2008,"month":8,"day":5}"#;
    let json_time = r#"{"hour":23,"minute":59,"second":1,"nano":5000000}"#;
    let json = format!(r#"{{"date":{json_date},"time":{json_time}}}"#);
    let json_offset = r#"{"totalSeconds":7200}"#;
    spelled(&DATE, "java.time.LocalDate { year, month, day }", json_date);
    spelled(&TIME, "java.time.LocalTime { hour, minute, second, nano }", json_time);
    spelled(&date_time, "java.time.LocalDateTime { date, time }", &json);
    let seconds = r#"{"seconds":-5,"nanos":999999999}"#;
    spelled(&Instant { seconds: -5, nanos: 999_999_999 }, "java.time.Instant { seconds, nanos }", seconds);
    spelled(&Duration { seconds: -5, nanos: 999_999_999 }, "java.time.Duration { seconds, nanos }", seconds);
    spelled(
        &Period { years: 1, months: -2, days: 3 },
        "java.time.Period { years, months, days }",
        r#"{"years":1,"months":-2,"days":3}"#,
    );
    spelled(&Year { year: -44 }, "java.time.Year { year }", r#"{"year":-44}"#);
    spelled(
        &YearMonth { year: 2008, month: 8 },
        "java.time.YearMonth { year, month }",
        r#"{"year":2008,"month":8}"#,
    );
    spelled(&MonthDay { month: 8, day: 5 }, "java.time.MonthDay { month, day }", r#"{"month":8,"day":5}"#);
    spelled(&PARIS, "java.time.ZoneOffset { totalSeconds }", json_offset);
    spelled(&ZoneId { id: "Europe/Paris".into() }, "java.time.ZoneRegion { id }", r#"{"id":"Europe/Paris"}"#);
    spelled(
        &OffsetTime { time: TIME, offset: PARIS },
        "java.time.OffsetTime { time, offset }",
        &format!(r#"{{"time":{json_time},"offset":{json_offset}}}"#),
    );
    spelled(
        &OffsetDateTime { date_time, offset: PARIS },
        "java.time.OffsetDateTime { dateTime, offset }",
        &format!(r#"{{"dateTime":{json},"offset":{json_offset}}}"#),
    );
    let shape = "java.time.ZonedDateTime { dateTime, offset, zone }";
    let zoned = ZonedDateTime { date_time, offset: PARIS, zone: "Europe/Paris".into() };
    let zone = r#"{"id":"Europe/Paris"}"#;
    spelled(&zoned, shape, &format!(r#"{{"dateTime":{json},"offset":{json_offset},"zone":{zone}}}"#));
    assert_eq!(zoned.to_string(), "2008-08-05T23:59:01.005+02:00[Europe/Paris]");
    let zoned = ZonedDateTime { zone: "+02:00".into(), ..zoned };
    spelled(&zoned, shape, &format!(r#"{{"dateTime":{json},"offset":{json_offset},"zone":{json_offset}}}"#));
    assert_eq!(zoned.to_string(), "2008-08-05T23:59:01.005+02:00");
}

#[test]
fn java_time_refuses_what_no_calendar_has_and_converts() {
    let read = |graph: Graph<'_>| from_slice::<LocalDate>(&graph.to_vec().unwrap());
    assert!(read(hessian!("x" { year: 1, month: 13, day: 1 })).is_err());
    assert!(read(hessian!("x" { year: 1, month: 0, day: 1 })).is_err());
    assert!(
        read(hessian!("x" { year: 1, month: 1 })).unwrap_err().to_string().contains("missing field `day`")
    );
    assert!(read(hessian!({ "day" => 1, "extra" => [1], "month" => 1, "year" => 1 })).is_ok());
    let bytes = to_vec(&hessian!("x" { seconds: 1, nanos: -1 })).unwrap();
    assert!(from_slice::<Instant>(&bytes).is_err() && from_slice::<Duration>(&bytes).is_err());
    let bytes = to_vec(&hessian!("x" { seconds: 100_000 })).unwrap();
    assert!(from_slice::<ZoneOffset>(&bytes).unwrap_err().to_string().contains("18 hours"));
    let before = std::time::SystemTime::UNIX_EPOCH - std::time::Duration::from_millis(1500);
    let instant = Instant::from(before);
    assert_eq!(instant, Instant { seconds: -2, nanos: 500_000_000 });
    assert_eq!(Date::from(instant), Date::from(before));
    assert_eq!(Instant::from(Date::from(before)), instant);
    assert!(std::time::Duration::try_from(Duration { seconds: -1, nanos: 0 }).is_err());
    let half = std::time::Duration::new(1, 5);
    assert_eq!(std::time::Duration::try_from(Duration::try_from(half).unwrap()).unwrap(), half);
    assert_eq!(LocalDate { year: -5, ..DATE }.to_string(), "-0005-08-05");
    assert_eq!(LocalTime { second: 0, nano: 0, ..TIME }.to_string(), "23:59");
    assert_eq!(LocalTime { nano: 1_000, ..TIME }.to_string(), "23:59:01.000001");
    assert_eq!(ZoneOffset { seconds: -3661 }.to_string(), "-01:01:01");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "example.Event")]
struct Event {
    #[serde(with = "hessian::java::alibaba")]
    at: Option<LocalDateTime>,
    #[serde(with = "hessian::java::alibaba")]
    sizes: Vec<ShortHandle>,
    price: BigDecimal,
    origin: Option<InetAddress>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Price { price: BigDecimal, id: Uuid },
    When(LocalDate),
    Other(String),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    a: i32,
    #[serde(flatten)]
    rest: BTreeMap<String, BigDecimal>,
}

#[test]
fn java_types_in_structs_untagged_and_flattened() {
    let event = Event {
        at: Some(LocalDateTime { date: DATE, time: TIME }),
        sizes: vec![ShortHandle(1), ShortHandle(2)],
        price: "9.99".parse().unwrap(),
        origin: Some(InetAddress { host: None, address: std::net::Ipv6Addr::LOCALHOST.into() }),
    };
    let bytes = to_vec(&event).unwrap();
    assert_eq!(from_slice::<Event>(&bytes).unwrap(), event);
    assert!(bytes.windows(7).any(|window| window == b"alibaba"));
    assert_eq!(serde_json::from_str::<Event>(&serde_json::to_string(&event).unwrap()).unwrap(), event);
    for value in [
        Untagged::Price { price: "1.5".parse().unwrap(), id: Uuid(7) },
        Untagged::When(DATE),
        Untagged::Other("x".into()),
    ] {
        assert_eq!(from_slice::<Untagged>(&to_vec(&value).unwrap()).unwrap(), value);
    }
    let flat = Flat { a: 1, rest: BTreeMap::from([("b".to_owned(), "2".parse().unwrap())]) };
    assert_eq!(from_slice::<Flat>(&to_vec(&flat).unwrap()).unwrap(), flat);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Content {
    #[serde(rename = "java.math.BigDecimal")]
    Decimal(BigDecimal),
    #[serde(rename = "java.io.IOException")]
    Failed(Throwable),
    Numbers(Typed<IntArray, Vec<i32>>),
    Bytes(Binary),
}

#[test]
fn java_types_in_variants() {
    let all = vec![
        Content::Decimal("1".parse().unwrap()),
        Content::Numbers(vec![1].into()),
        Content::Bytes(vec![1, 2].into()),
    ];
    assert_eq!(from_slice::<Vec<Content>>(&to_vec(&all).unwrap()).unwrap(), all);
    let thrown = Throwable::new("java.io.IOException", "x");
    let bytes = to_vec(&[&thrown]).unwrap();
    assert_eq!(from_slice::<Vec<Content>>(&bytes).unwrap(), [Content::Failed(thrown)]);
}

#[test]
fn exceptions_as_java_writes_them() {
    let mut thrown = Throwable::new("model.M$Ex", "boom");
    thrown.fields.push(("code".into(), hessian!(7)));
    same("objects", "exception", &thrown);
    let (read, list, again): (Throwable, Vec<i32>, Vec<i32>) =
        from_slice(&java("refs", "exception_then_shared")).unwrap();
    assert_eq!((read.message.as_deref(), list), (Some("e"), again));
    // Typed map, as in Hessian 1.
    let mut map = Graph::builder();
    let id = map.map(Some("x.Failed"));
    map.entry(id, "detailMessage", "m")
        .entry(id, "stackTrace", ())
        .entry(id, "cause", id)
        .entry(id, "own", 5);
    let read = Throwable::from_view(map.finish(id).root()).unwrap();
    assert_eq!((&*read.class, &*read.fields[0].0), ("x.Failed", "own"));
}

#[test]
fn traces_are_printed_with_their_suppressed_exceptions() {
    let frame = |method: &str| vec![StackTraceElement::new("a.B", method, Some("B.java"), 3)];
    let mut thrown = Throwable::new("x.Outer", "o");
    thrown.stack_trace = frame("outer");
    let mut suppressed = Throwable::new("x.Close", "s");
    suppressed.stack_trace = frame("close");
    let mut why = Throwable::new("x.Why", "w");
    why.stack_trace = frame("why");
    suppressed.cause = Some(Box::new(why));
    thrown.suppressed.push(suppressed);
    let mut cause = Throwable::new("x.Cause", "c");
    cause.stack_trace = frame("cause");
    thrown.cause = Some(Box::new(cause));
    let expected = "x.Outer: o\n\tat a.B.outer(B.java:3)\n\tSuppressed: x.Close: s\n\t\tat a.B.close(B.java:3)\n\
                    \tCaused by: x.Why: w\n\t\tat a.B.why(B.java:3)\nCaused by: x.Cause: c\n\tat a.B.cause(B.java:3)";
    assert_eq!(format!("{thrown:#}"), expected);
}

#[test]
fn exceptions_in_other_formats_come_back() {
    let mut thrown = Throwable::new("x.Outer", "o");
    thrown.stack_trace = vec![StackTraceElement::new("a.B", "m", Some("B.java"), 3)];
    let mut cause = Throwable::new("x.Cause", "c");
    cause.message = None;
    cause.fields = vec![("code".into(), hessian!(7)), ("parts".into(), hessian!(["a", { "k" => null }]))];
    thrown.cause = Some(Box::new(cause));
    thrown.suppressed = vec![Throwable::new("x.Close", "s")];
    let text = serde_json::to_string(&thrown).unwrap();
    assert_eq!(serde_json::from_str::<Throwable>(&text).unwrap(), thrown);
    assert!(serde_json::from_str::<Throwable>("{}").is_err());
    let error =
        serde_json::from_str::<Throwable>(r#"{"class":"x","cause":{"message":"no class"}}"#).unwrap_err();
    assert!(error.to_string().contains("cause"), "{error}");
    // The same shape, in a circle that only Hessian has.
    let mut circle = Graph::builder();
    let map = circle.map(None);
    circle.entry(map, "class", "x").entry(map, "cause", map);
    let error = from_slice::<Throwable>(&circle.finish(map).to_vec().unwrap()).unwrap_err();
    assert!(error.to_string().contains("leads back"), "{error}");
}

#[test]
fn exceptions_with_everything() {
    let mut thrown = Throwable::new("java.lang.IllegalStateException", "closed");
    thrown.stack_trace = vec![
        StackTraceElement::new("a.B", "m", Some("B.java"), 3),
        StackTraceElement { method_name: None, ..StackTraceElement::new("a.C", "n", None, -2) },
    ];
    let mut cause = Throwable::new("java.io.IOException", "broken pipe");
    cause.message = None;
    cause.fields.push(("bytesTransferred".into(), hessian!(["[int" [1, 2]])));
    thrown.cause = Some(Box::new(cause));
    thrown.suppressed = vec![Throwable::new("x.Close", "a"), Throwable::new("x.Close", "b")];
    let bytes = to_vec(&thrown).unwrap();
    assert_eq!(from_slice::<Throwable>(&bytes).unwrap(), thrown);
    let graph = Graph::from_slice(&bytes).unwrap();
    assert_eq!(Throwable::try_from(&graph).unwrap(), thrown);
    assert_eq!(
        graph.root().pointer("/suppressedExceptions/1/detailMessage").and_then(View::as_str),
        Some("b")
    );
    let text = format!("{thrown:#}");
    assert!(
        text.contains("\n\tat a.B.m(B.java:3)\n") && text.contains("\nCaused by: java.io.IOException"),
        "{text}"
    );
    assert!(std::error::Error::source(&thrown).unwrap().to_string().contains("IOException"));
    // A sentinel that the JDK shares between exceptions is a reference out of the second one.
    let bytes = unhex(
        "7a 43 0158 94 0d64657461696c4d657373616765 0563617573650a737461636b5472616365 14 \
         73757070726573736564457863657074696f6e73 60 0161 5191 78 7001 4c 60 0162 5191 78 5193",
    );
    let both = from_slice::<Vec<Throwable>>(&bytes).unwrap();
    assert_eq!(both[1].message.as_deref(), Some("b"));
    assert_eq!(both[1].cause.as_ref().unwrap().message.as_deref(), Some("a"));
    assert!(serde_json::to_string(&thrown).unwrap().contains("\"message\":\"closed\""));
}

#[test]
fn exceptions_are_bounded() {
    let exception = |builder: &mut hessian::GraphBuilder<'static>| {
        let trace = builder.list(None);
        builder.object("X", [("detailMessage", "m".into()), ("stackTrace", trace.into())])
    };
    // In a circle.
    let mut builder = Graph::builder();
    let (a, b) = (exception(&mut builder), exception(&mut builder));
    builder.field(a, "cause", b).field(b, "cause", a);
    let error = Throwable::from_view(builder.finish(a).root()).unwrap_err();
    assert!(error.to_string().contains("leads back"), "{error}");
    assert_eq!(error.path(), "cause.cause");
    // Each suppresses the next one twice.
    let mut builder = Graph::builder();
    let mut last = exception(&mut builder);
    for _ in 0..40 {
        let next = exception(&mut builder);
        let list = builder.list(None);
        builder.push(list, last).push(list, last).field(next, "suppressedExceptions", list);
        last = next;
    }
    let error = Throwable::from_view(builder.finish(last).root()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Limit { limit: "MAX_EXCEPTIONS", max: 1024 }), "{error}");
    // Own fields that share a large list: each has it for itself, for 32 bytes a value but the first.
    for (fields, fits) in [(9, true), (10, false)] {
        let mut builder = Graph::builder();
        let list = builder.list(None);
        (0..30_000).for_each(|n| {
            builder.push(list, n);
        });
        let thrown = exception(&mut builder);
        for field in 0..fields {
            builder.field(thrown, &format!("f{field}"), list);
        }
        let read = Throwable::from_view(builder.finish(thrown).root());
        assert_eq!(
            read.map(|thrown| thrown.fields.len()).map_err(|error| expansion(&error)),
            match fits {
                true => Ok(fields),
                false => Err(true),
            }
        );
    }
    // Frames that share a long text, and exceptions that share their frames.
    let mut builder = Graph::builder();
    let long = Value::from("x".repeat(1 << 20));
    let fields = [("declaringClass", long), ("methodName", Value::Null), ("lineNumber", 1.into())];
    let frame = builder.object("java.lang.StackTraceElement", fields);
    let frames = builder.list(None);
    (0..10).for_each(|_| {
        builder.push(frames, frame);
    });
    let thrown = exception(&mut builder);
    builder.field(thrown, "stackTrace", frames);
    assert!(expansion(&Throwable::from_view(builder.finish(thrown).root()).unwrap_err()));
    let mut builder = Graph::builder();
    let frames = builder.list(None);
    for _ in 0..10_000 {
        let frame = builder.object("java.lang.StackTraceElement", [("lineNumber", 1.into())]);
        builder.push(frames, frame);
    }
    let all = builder.list(None);
    for _ in 0..100 {
        let thrown = exception(&mut builder);
        builder.field(thrown, "stackTrace", frames).push(all, thrown);
    }
    let root = exception(&mut builder);
    builder.field(root, "suppressedExceptions", all);
    assert!(expansion(&Throwable::from_view(builder.finish(root).root()).unwrap_err()));
    // Causes of causes, deeper than a stack of two megabytes is.
    let mut builder = Graph::builder();
    let all = builder.list(None);
    let mut last = exception(&mut builder);
    builder.push(all, last);
    for _ in 0..1_000 {
        let next = exception(&mut builder);
        builder.field(next, "cause", last).push(all, next);
        last = next;
    }
    builder.push(all, last);
    let graph = builder.finish(all);
    let deepest = graph.root().index(1_001).unwrap();
    let limit = ErrorKind::Limit { limit: "max_depth", max: Limits::DEFAULT.max_depth.into() };
    assert_eq!(*Throwable::from_view(deepest).unwrap_err().kind(), limit);
    assert!(from_slice::<Vec<Throwable>>(&graph.to_vec().unwrap()).is_err());
    assert!(Throwable::from_view(graph.root().index(100).unwrap()).is_ok());
    assert!(Throwable::from_view(hessian!("X" { value: 1 }).root()).is_err());
    assert!(from_slice::<Throwable>(&to_vec(&1).unwrap()).is_err());
}

fn expansion(error: &hessian::Error) -> bool {
    matches!(error.kind(), ErrorKind::Limit { limit: "max_expansion", .. })
}

#[test]
fn binaries_share_the_buffer() {
    let bytes: Vec<u8> = (0..200_000u32).map(|n| n as u8).collect();
    let binary = Binary::from(bytes.clone());
    let encoded = bytes::Bytes::from(to_vec(&(&binary, 1, Binary::from(vec![1, 2]), Some(&binary))).unwrap());
    type Four = (Binary, i32, Binary, Option<Binary>);
    let (first, _, small, last): Four = hessian::from_bytes(&encoded).unwrap();
    assert_eq!((first.len(), first.chunks().len()), (200_000, 7));
    let range = encoded.as_ptr_range();
    for chunk in first.chunks().iter().chain(small.chunks()) {
        assert!(range.contains(&chunk.as_ptr()));
    }
    assert!(
        first == binary && last == Some(binary.clone()) && first.to_vec() == bytes && small == [1, 2][..]
    );
    assert_eq!(to_vec(&first).unwrap(), to_vec(&binary).unwrap());
    let (owned, ..): Four = from_slice(&encoded).unwrap();
    assert!(owned == binary && !range.contains(&owned.chunks()[0].as_ptr()));
    // Many small chunks are joined, not kept one by one.
    let mut chunked = Vec::new();
    (0..1000).for_each(|_| chunked.extend_from_slice(b"A\x00\x01x"));
    chunked.push(0x20);
    let chunked = bytes::Bytes::from(chunked);
    let joined: Binary = hessian::from_bytes(&chunked).unwrap();
    assert_eq!((joined.len(), joined.chunks().len()), (1000, 1));
    // Anything that has bytes.
    assert_eq!(from_slice::<Binary>(b"\x7a\x91\x92").unwrap(), Binary::from(vec![1, 2]));
    assert_eq!(from_slice::<Option<Binary>>(b"N").unwrap(), None);
    assert!(from_slice::<Binary>(b"N").is_err());
    through_json(&Binary::from(vec![1, 2]), "[1,2]");
    let mut decoder = <hessian::ValueDecoder>::new(Limits::new());
    let packet = encoded.slice(..);
    let (streamed, ..): Four = decoder.decode_bytes(&packet).unwrap();
    assert!(range.contains(&streamed.chunks()[0].as_ptr()));
}
