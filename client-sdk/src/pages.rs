//! Lists as streams: by page or by item, fetched when asked for.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};

use crate::error::Error;
use crate::tokens::PageToken;

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// What is on the page.
    pub items: Vec<T>,
    /// Where the next page begins; none: this was the last. Give it in a request to go on later.
    pub next: Option<PageToken>,
}

/// A list page by page. The next page is fetched when it is asked for; the stream ends after the last
/// page or the first error.
pub struct Pages<T> {
    pages: BoxStream<'static, Result<Page<T>, Error>>,
}

/// A list item by item, made of [`Pages`].
pub struct Items<T> {
    items: BoxStream<'static, Result<T, Error>>,
}

/// What a list still has to fetch.
enum Rest {
    From(Option<PageToken>),
    Nothing,
}

impl<T: Send + 'static> Pages<T> {
    pub(crate) fn new<F, Fut>(first: Option<PageToken>, fetch: F) -> Self
    where
        F: Fn(Option<PageToken>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Page<T>, Error>> + Send,
    {
        let pages = stream::unfold((Rest::From(first), fetch), |(rest, fetch)| async move {
            let Rest::From(token) = rest else { return None };
            let page = fetch(token).await;
            let rest = match &page {
                Ok(Page { next: Some(next), .. }) => Rest::From(Some(next.clone())),
                _ => Rest::Nothing,
            };
            Some((page, (rest, fetch)))
        });
        Self { pages: pages.boxed() }
    }

    /// The same list item by item.
    #[must_use]
    pub fn by_item(self) -> Items<T> {
        let items = self.pages.map_ok(|page| stream::iter(page.items).map(Ok)).try_flatten();
        Items { items: items.boxed() }
    }
}

impl<T> Stream for Pages<T> {
    type Item = Result<Page<T>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pages.poll_next_unpin(context)
    }
}

impl<T> Stream for Items<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.items.poll_next_unpin(context)
    }
}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pages")
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Items")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three_pages(failing: Option<&'static str>) -> Pages<u32> {
        Pages::new(None, move |token| async move {
            let token = token.map(String::from);
            if token.as_deref() == failing {
                return Err(Error::Unavailable("down".to_owned()));
            }
            let (items, next) = match token.as_deref() {
                None => (vec![1, 2], Some("b")),
                Some("b") => (vec![], Some("c")),
                _ => (vec![3], None),
            };
            Ok(Page { items, next: next.map(PageToken::from) })
        })
    }

    #[tokio::test]
    async fn a_list_goes_on_over_an_empty_page_and_ends_after_the_last() {
        let pages: Vec<_> = three_pages(Some("never")).map_ok(|page| page.next).collect().await;
        assert_eq!(pages.len(), 3);
        let items: Vec<u32> =
            three_pages(Some("never")).by_item().try_collect().await.expect("no page fails");
        assert_eq!(items, [1, 2, 3]);
    }

    #[tokio::test]
    async fn a_list_ends_with_its_first_error() {
        let items: Vec<_> = three_pages(Some("b")).by_item().collect().await;
        assert!(matches!(items.as_slice(), [Ok(1), Ok(2), Err(Error::Unavailable(_))]));
    }
}
