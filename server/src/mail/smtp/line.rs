//! The wire to a mail server, on which only so much can come back: the client reads a line however
//! long it is.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lettre::transport::smtp::client::AsyncTokioStream;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// What a mail server says is read up to an end.
#[derive(Debug)]
struct Line<Wire> {
    wire: Wire,
    server: SocketAddr,
    left: usize,
}

/// How long one of several addresses may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Of all answers in one conversation; they are a line each.
const ANSWERS_BYTES_MAX: usize = 256 * 1024;

/// Connects to the first of the addresses that answers; with `tls` all is said in secret to the
/// server of that name.
pub(super) async fn open(
    addresses: &[SocketAddr],
    tls: Option<(Arc<ClientConfig>, &str)>,
) -> io::Result<Box<dyn AsyncTokioStream>> {
    let (wire, server) = connect(addresses).await?;
    let left = ANSWERS_BYTES_MAX;
    let Some((config, name)) = tls else { return Ok(Box::new(Line { wire, server, left })) };
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let wire = TlsConnector::from(config).connect(name, wire).await?;
    Ok(Box::new(Line { wire, server, left }))
}

async fn connect(addresses: &[SocketAddr]) -> io::Result<(TcpStream, SocketAddr)> {
    let mut last = io::Error::other("there is no address");
    for address in addresses {
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(wire)) => return Ok((wire, *address)),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::from(io::ErrorKind::TimedOut),
        }
    }
    Err(last)
}

impl<Wire: AsyncRead + Unpin> AsyncRead for Line<Wire> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other("the mail server says too much")));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.wire).poll_read(context, buffer))?;
        let read = buffer.filled().len().saturating_sub(before);
        self.left = self.left.saturating_sub(read);
        Poll::Ready(Ok(()))
    }
}

impl<Wire: AsyncWrite + Unpin> AsyncWrite for Line<Wire> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(context)
    }
}

impl<Wire> AsyncTokioStream for Line<Wire>
where
    Wire: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug,
{
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.server)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn what_has_no_end_is_broken_off() {
        let (mut server, wire) = tokio::io::duplex(1_024);
        let talking =
            tokio::spawn(async move { while server.write_all(&[b'a'; 512]).await.is_ok() {} });
        let server = SocketAddr::from(([127, 0, 0, 1], 25));
        let mut line = Line { wire, server, left: ANSWERS_BYTES_MAX };
        let mut all = Vec::new();
        let ended = line.read_to_end(&mut all).await;
        assert!(ended.unwrap_err().to_string().contains("too much"));
        assert!(all.len() < 2 * ANSWERS_BYTES_MAX, "{}", all.len());
        drop(line);
        talking.await.unwrap();
    }
}
