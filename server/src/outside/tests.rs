//! What the client does when the other end does not behave, on real sockets.

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server that reads a request and answers each connection with these bytes, then closes it.
async fn server(answer: &'static [u8]) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            // Whoever called may be gone.
            drop(stream.read(&mut request).await);
            drop(stream.write_all(answer).await);
        }
    });
    Url::parse(&format!("http://{address}/")).unwrap()
}

async fn get(url: Url) -> Result<Answer, Lost> {
    Outside::default().send(Request::new(Method::GET, url)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_read_whole_with_its_hint() {
    let url = server(b"HTTP/1.1 429 No\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno").await;
    let answer = get(url).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_slice()), (429, b"no".as_slice()));
    assert_eq!(answer.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_tells_its_length_also_of_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    for (method, is_told) in [(Method::POST, true), (Method::PATCH, true), (Method::GET, false)] {
        let request = Request::new(method.clone(), Url::parse(&url).unwrap());
        let calling = tokio::spawn(async move { Outside::default().send(request).await });
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = vec![0; 4096];
        let length = stream.read(&mut heard).await.unwrap();
        drop(stream);
        assert!(calling.await.unwrap().is_err());
        let heard = String::from_utf8_lossy(&heard[..length]).to_lowercase();
        assert_eq!(heard.contains("content-length: 0\r\n"), is_told, "{method}: {heard}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let url =
        server(b"HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(get(url.await).await.unwrap().status, StatusCode::FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_listens_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let lost = get(Url::parse(&format!("http://{address}/")).unwrap()).await.unwrap_err();
    assert!(matches!(lost, Lost::NotSent(_)), "{lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_off_leaves_a_doubt() {
    for answer in [&b""[..], b"HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\nhal"] {
        let lost = get(server(answer).await).await.unwrap_err();
        assert!(matches!(lost, Lost::Unknown(_)), "{lost}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_broken_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut vec![0; 4096]).await.unwrap() > 0);
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head).await.unwrap();
        let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
        while stream.write_all(&chunk).await.is_ok() {}
    });
    let lost = get(Url::parse(&format!("http://{address}/")).unwrap()).await.unwrap_err();
    assert_eq!(lost, Lost::Unknown("the answer is too long".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_in_clear_to_another_machine() {
    for url in ["http://192.0.2.1/", "http://example.com/", "ftp://127.0.0.1/"] {
        let lost = get(Url::parse(url).unwrap()).await.unwrap_err();
        assert!(matches!(lost, Lost::NotSent(_)), "{url}: {lost}");
    }
}

#[test]
fn a_stand_in_is_a_bare_loopback_address() {
    for right in ["http://127.0.0.1:8080", "http://127.9.9.9/", "https://[::1]:443/"] {
        assert!(is_loopback(right), "{right}");
    }
    let wrong = [
        "http://localhost:8080",
        "http://127.0.0.1/path",
        "http://127.0.0.1/?q",
        "http://127.0.0.1/#f",
        "http://user@127.0.0.1/",
        "http://127.0.0.1.example.com/",
        "http://10.0.0.1/",
        "file://127.0.0.1/",
        "127.0.0.1:80",
        "",
    ];
    for wrong in wrong {
        assert!(!is_loopback(wrong), "{wrong}");
    }
}

#[test]
fn only_addresses_of_the_public_network_are_public() {
    let public = ["1.1.1.1", "93.184.216.34", "100.63.0.1", "2606:4700::1111", "2a01:79c::1"];
    let own = [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.1",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2001::1",
        "2001:db8::1",
        "2002:a00:1::",
        "3fff::1",
        "fc00::1",
        "fe80::1",
        "ff02::1",
    ];
    for (addresses, is_so) in [(public.as_slice(), true), (own.as_slice(), false)] {
        for address in addresses {
            assert_eq!(is_public(address.parse().unwrap()), is_so, "{address}");
        }
    }
}
