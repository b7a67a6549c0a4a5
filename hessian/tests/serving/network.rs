//! Services behind a real server, called by the client of the same declaration.

use hessian::client::{Client, Error};
use hessian::java::Throwable;
use hessian::rpc::{Form, ServiceFault};
use hessian::service::{Context, Download, Handler, Service};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

hessian::interface! {
    /// An account.
    trait Account["com.example.Account"] {
        /// Adds to it; what it has then.
        async fn deposit(amount: i64) -> i64;

        #[name = "deposit"]
        async fn deposit_with(amount: i64, note: String) -> i64;

        #[name = "getBalance"]
        async fn balance() -> i64;

        async fn withdraw(amount: i64) -> i64;

        async fn close();

        stream fn statement(bytes: u64);

        async fn id() -> Option<String>;
    }
    client AccountClient;
    service AccountService;
}

#[derive(Default)]
struct Purse {
    has: AtomicI64,
}

impl Account for Purse {
    async fn deposit(&self, amount: i64) -> Result<i64, ServiceFault> {
        Ok(self.has.fetch_add(amount, Ordering::Relaxed) + amount)
    }
    async fn deposit_with(&self, amount: i64, note: String) -> Result<i64, ServiceFault> {
        tokio::task::yield_now().await;
        self.deposit(amount + note.len() as i64).await
    }
    async fn balance(&self) -> Result<i64, ServiceFault> {
        Ok(self.has.load(Ordering::Relaxed))
    }
    async fn withdraw(&self, amount: i64) -> Result<i64, ServiceFault> {
        let has = self.has.load(Ordering::Relaxed);
        if amount > has {
            return Err(Throwable::new("com.example.Overdrawn", &format!("{amount} > {has}")).into());
        }
        self.deposit(-amount).await
    }
    async fn close(&self) -> Result<(), ServiceFault> {
        panic!("not closed")
    }
    async fn statement(&self, bytes: u64) -> Result<Download, ServiceFault> {
        Ok(Download::new(tokio::io::repeat(b'.').take(bytes)))
    }
    async fn id(&self) -> Result<Option<String>, ServiceFault> {
        Ok(Context::current().and_then(|context| context.request_id().map(str::to_owned)))
    }
}

/// Serves until the test ends.
async fn serve<H: Handler>(service: Service<H>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

#[tokio::test]
async fn both_ends_of_one_declaration() {
    let purse = Arc::new(Purse::default());
    let service = Service::new(AccountService(Arc::clone(&purse)));
    let address = serve(service.clone()).await;
    for form in [Form::Two, Form::One] {
        purse.has.store(0, Ordering::Relaxed);
        let client = Client::builder(&format!("http://{address}/account"))
            .form(form)
            .request_id_header("x-request-id")
            .build()
            .unwrap();
        let account = AccountClient::new(client);
        assert_eq!(account.deposit(5).await.unwrap(), 5);
        assert_eq!(account.deposit_with(5, "three".to_owned()).await.unwrap(), 15);
        assert_eq!(account.balance().await.unwrap(), 15);
        assert_eq!(account.withdraw(10).await.unwrap(), 5);
        let Err(Error::Fault(fault)) = account.withdraw(10).await else { panic!("withdrawn") };
        assert_eq!(fault.exception.unwrap().to_string(), "com.example.Overdrawn: 10 > 5");
        let Err(Error::Fault(fault)) = account.close().await else { panic!("closed") };
        assert_eq!(&*fault.exception.unwrap().class, "java.lang.RuntimeException");
        assert!(account.id().await.unwrap().is_some());

        let mut statement = Vec::new();
        let mut reader = account.statement(1_000_000).await.unwrap();
        reader.read_to_end(&mut statement).await.unwrap();
        assert_eq!(statement, vec![b'.'; 1_000_000]);
    }
    let stats = service.stats();
    assert_eq!((stats.answered, stats.faults, stats.panics, stats.calls), (12, 4, 2, 0));
}

#[tokio::test]
async fn many_callers() {
    let purse = Arc::new(Purse::default());
    let address = serve(Service::new(AccountService(Arc::clone(&purse)))).await;
    let account = AccountClient::new(Client::new(&format!("http://{address}/")).unwrap());
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let account = account.clone();
            tokio::spawn(async move {
                for amount in 1..=20 {
                    account.deposit(amount).await.unwrap();
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(account.balance().await.unwrap(), 50 * 210);
    assert!(account.client().address().path() == "/");
}
