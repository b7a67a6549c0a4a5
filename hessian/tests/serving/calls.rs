//! Calls of every kind, in every form.

use super::support::{call, call_of, post, send};
use hessian::rpc::{Form, ServiceFault};
use hessian::service::{Methods, Service};

const FORMS: [Form; 2] = [Form::One, Form::Two];

hessian::interface! {
    /// Computes.
    pub trait Calculator["com.example.Calculator"] {
        /// The sum.
        async fn add(a: i32, b: i32) -> i32;

        /// The sum of all three.
        #[name = "add"]
        async fn add_three(a: i32, b: i32, c: i32) -> i32;

        /// Another `add` of two.
        #[name = "add_double_double"]
        async fn add_doubles(a: f64, b: f64) -> f64;

        async fn clear();

        async fn greet(name: Option<String>) -> String;

        async fn sumAll(numbers: Vec<i64>) -> i64;
    }
    client CalculatorClient;
    service CalculatorService;
}

struct Abacus;

impl Calculator for Abacus {
    async fn add(&self, a: i32, b: i32) -> Result<i32, ServiceFault> {
        Ok(a + b)
    }
    async fn add_three(&self, a: i32, b: i32, c: i32) -> Result<i32, ServiceFault> {
        Ok(a + b + c)
    }
    async fn add_doubles(&self, a: f64, b: f64) -> Result<f64, ServiceFault> {
        Ok(a + b)
    }
    async fn clear(&self) -> Result<(), ServiceFault> {
        Ok(())
    }
    async fn greet(&self, name: Option<String>) -> Result<String, ServiceFault> {
        Ok(format!("hello {}", name.as_deref().unwrap_or("nobody")))
    }
    async fn sumAll(&self, numbers: Vec<i64>) -> Result<i64, ServiceFault> {
        Ok(numbers.iter().sum())
    }
}

#[tokio::test]
async fn an_interface_answers_in_both_forms() {
    let service = Service::new(CalculatorService(Abacus));
    for form in FORMS {
        assert_eq!(call::<_, i32>(&service, form, "add", (1, 2)).await, Ok(3));
        assert_eq!(call::<_, i32>(&service, form, "add", (1, 2, 3)).await, Ok(6));
        assert_eq!(call::<_, i32>(&service, form, "add_int_int", (1, 2)).await, Ok(3));
        assert_eq!(call::<_, i32>(&service, form, "add_int_int_int", (1, 2, 3)).await, Ok(6));
        assert_eq!(call::<_, f64>(&service, form, "add_double_double", (1.5, 2)).await, Ok(3.5));
        assert_eq!(call::<_, ()>(&service, form, "clear", ()).await, Ok(()));
        assert_eq!(call::<_, String>(&service, form, "greet", ("you",)).await.unwrap(), "hello you");
        assert_eq!(
            call::<_, String>(&service, form, "greet", (None::<&str>,)).await.unwrap(),
            "hello nobody"
        );
        assert_eq!(call::<_, i64>(&service, form, "sumAll", ([1, 2, 3],)).await, Ok(6));
    }
    let stats = service.stats();
    assert_eq!((stats.answered, stats.calls, stats.body_bytes), (18, 0, 0));
}

#[tokio::test]
async fn closures_answer_too() {
    let methods = Methods::new()
        .interface("com.example.Closures")
        .method("add", |a: i32, b: i32| async move { Ok::<_, ServiceFault>(a + b) })
        .method("add", |a: i32, b: i32, c: i32| async move { Ok::<_, ServiceFault>(a + b + c) })
        .method("nothing", async || Ok::<_, ServiceFault>(()));
    let service = Service::new(methods);
    for form in FORMS {
        assert_eq!(call::<_, i32>(&service, form, "add", (1, 2)).await, Ok(3));
        assert_eq!(call::<_, i32>(&service, form, "add", (1, 2, 3)).await, Ok(6));
        assert_eq!(call::<_, ()>(&service, form, "nothing", ()).await, Ok(()));
    }
}

#[tokio::test]
async fn the_default_java_client_gets_hessian_2() {
    let service = Service::new(CalculatorService(Abacus));
    let mut bytes = call_of(Form::One, "add", &(1, 2));
    bytes[1] = 2;
    let answered = send(&service, post(bytes)).await;
    assert_eq!(&*answered.body, b"H\x02\x00R\x93");
    assert_eq!(answered.header("content-type"), Some("x-application/hessian"));
}

hessian::interface! {
    trait Nothing {}
    service NothingService;
}

impl Nothing for () {}

hessian::interface! {
    trait Many {
        async fn all(a: i8, b: i8, c: i8, d: i8, e: i8, f: i8, g: i8, h: i8, i: i8, j: i8, k: i8, l: i8, m: i8, n: i8, o: i8, p: i8) -> Vec<i8>;
    }
    client ManyClient;
    service ManyService;
}

impl Many for () {
    async fn all(
        &self,
        a: i8,
        b: i8,
        c: i8,
        d: i8,
        e: i8,
        f: i8,
        g: i8,
        h: i8,
        i: i8,
        j: i8,
        k: i8,
        l: i8,
        m: i8,
        n: i8,
        o: i8,
        p: i8,
    ) -> Result<Vec<i8>, ServiceFault> {
        Ok(vec![a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
    }
}

#[tokio::test]
async fn interfaces_without_methods_and_methods_of_many_arguments() {
    let fault = call::<_, ()>(&Service::new(NothingService(())), Form::Two, "any", (1,)).await.unwrap_err();
    assert_eq!(&*fault.code, "NoSuchMethodException");
    let service = Service::new(ManyService(()));
    for form in FORMS {
        let sixteen = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
        let all: Vec<i8> = call(&service, form, "all", sixteen).await.unwrap();
        assert_eq!(all, (1..=16).collect::<Vec<_>>());
    }
}
