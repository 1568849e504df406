//! What the shop sells: articles with their prices, VAT rates and variants.

#[derive(Debug)]
pub(crate) struct Article {
    pub(crate) sku: &'static str,
    pub(crate) title: &'static str,
    /// In Norway, with VAT, minor units of NOK.
    pub(crate) price_minor: i64,
    /// In Norway, basis points: goods 25 %, food 15 %, admission 12 %, books 0 %.
    pub(crate) vat_rate_bp: i32,
    /// Each is part of the sku and the title; empty: there is only one.
    pub(crate) variants: &'static [&'static str],
    /// The most that one buyer takes.
    pub(crate) quantity_max: i64,
}

const CLOTHES: &[&str] = &["XS", "S", "M", "L", "XL"];
const SHOES: &[&str] = &["36", "37", "38", "39", "40", "41", "42", "43", "44", "45"];
const CHILDREN: &[&str] = &["92", "98", "104", "110", "116", "122", "128"];
const COLOURS: &[&str] = &["Sort", "Blå", "Grønn", "Rød"];
const ONE: &[&str] = &[];

const fn goods(
    sku: &'static str,
    title: &'static str,
    price_minor: i64,
    variants: &'static [&'static str],
    quantity_max: i64,
) -> Article {
    Article { sku, title, price_minor, vat_rate_bp: 2_500, variants, quantity_max }
}

const fn food(sku: &'static str, title: &'static str, price_minor: i64) -> Article {
    Article { sku, title, price_minor, vat_rate_bp: 1_500, variants: ONE, quantity_max: 6 }
}

const fn ticket(sku: &'static str, title: &'static str, price_minor: i64) -> Article {
    Article { sku, title, price_minor, vat_rate_bp: 1_200, variants: ONE, quantity_max: 4 }
}

const fn book(sku: &'static str, title: &'static str, price_minor: i64) -> Article {
    Article { sku, title, price_minor, vat_rate_bp: 0, variants: ONE, quantity_max: 2 }
}

#[rustfmt::skip]
pub(crate) const ARTICLES: &[Article] = &[
    goods("FT-1001", "Skalljakke Rondane dame", 249_900, CLOTHES, 1),
    goods("FT-1002", "Skalljakke Rondane herre", 249_900, CLOTHES, 1),
    goods("FT-1003", "Dunjakke Dovre", 329_900, CLOTHES, 1),
    goods("FT-1010", "Turbukse Setesdal dame", 129_900, CLOTHES, 2),
    goods("FT-1011", "Turbukse Setesdal herre", 129_900, CLOTHES, 2),
    goods("FT-1020", "Ullundertøy overdel", 69_900, CLOTHES, 3),
    goods("FT-1021", "Ullundertøy longs", 59_900, CLOTHES, 3),
    goods("FT-1025", "Strikkegenser Marius barn", 89_900, CHILDREN, 2),
    goods("FT-1026", "Ullsett barn", 54_900, CHILDREN, 3),
    goods("FT-1027", "Regntøy barn", 64_900, CHILDREN, 2),
    goods("FT-1030", "Flanellskjorte", 79_900, CLOTHES, 2),
    goods("FT-1040", "Ullsokker 3-pakning", 24_900, &["36-39", "40-43", "44-47"], 4),
    goods("FT-1041", "Ullsokker tykk", 14_900, &["36-39", "40-43", "44-47"], 6),
    goods("FT-1050", "Lue i merinoull", 34_900, COLOURS, 2),
    goods("FT-1051", "Votter i lammeskinn", 49_900, &["S", "M", "L"], 2),
    goods("FT-1052", "Hals i ull", 22_900, COLOURS, 3),
    goods("FT-2001", "Fjellsko Besseggen", 219_900, SHOES, 1),
    goods("FT-2002", "Joggesko terreng", 149_900, SHOES, 1),
    goods("FT-2003", "Gummistøvler", 69_900, SHOES, 1),
    goods("FT-2010", "Impregnering 300 ml", 15_900, ONE, 3),
    goods("FT-3001", "Ryggsekk 25 liter", 119_900, COLOURS, 1),
    goods("FT-3002", "Ryggsekk 60 liter", 229_900, COLOURS, 1),
    goods("FT-3003", "Drikkeflaske 0,75 l", 24_900, COLOURS, 3),
    goods("FT-3004", "Termos 1 l", 39_900, COLOURS, 2),
    goods("FT-3010", "Telt 2 personer", 449_900, ONE, 1),
    goods("FT-3011", "Sovepose -5 °C", 229_900, ONE, 2),
    goods("FT-3012", "Liggeunderlag oppblåsbart", 99_900, ONE, 2),
    goods("FT-3020", "Stormkjøkken", 89_900, ONE, 1),
    goods("FT-3021", "Gassboks 230 g", 8_900, ONE, 6),
    goods("FT-3022", "Tennstål", 12_900, ONE, 3),
    goods("FT-3030", "Hodelykt 400 lumen", 59_900, ONE, 2),
    goods("FT-3031", "Turkniv", 44_900, ONE, 1),
    goods("FT-3040", "Førstehjelpssett", 29_900, ONE, 2),
    goods("FT-3041", "Gnagsårplaster", 7_900, ONE, 5),
    goods("FT-3050", "Fiskestang 8 fot", 79_900, ONE, 1),
    goods("FT-3051", "Slukpakke ørret", 19_900, ONE, 3),
    goods("FT-4001", "Langrennsski", 399_900, &["186", "192", "198", "204"], 1),
    goods("FT-4002", "Skistaver karbon", 109_900, &["145", "150", "155", "160"], 1),
    goods("FT-4003", "Skismøring blå", 12_900, ONE, 4),
    goods("FT-4010", "Rumpeakebrett", 9_900, COLOURS, 4),
    goods("FT-5001", "Kaffekopp i emalje", 17_900, COLOURS, 6),
    goods("FT-5002", "Kaffekjele 1,5 l", 49_900, ONE, 1),
    goods("FT-5003", "Stekepanne støpejern 26 cm", 69_900, ONE, 1),
    goods("FT-5004", "Skjærefjøl eik", 39_900, ONE, 2),
    goods("FT-5010", "Ullpledd 130 × 200", 89_900, COLOURS, 2),
    goods("FT-5011", "Sengetøy i bomull", 79_900, COLOURS, 2),
    goods("FT-5012", "Duftlys granbar", 24_900, ONE, 4),
    goods("FT-5020", "Refleksvest", 9_900, ONE, 5),
    goods("FT-5021", "Refleksbånd 2-pakning", 4_900, ONE, 6),
    food("MAT-101", "Frysetørret turmat lapskaus", 10_900),
    food("MAT-102", "Frysetørret turmat pasta bolognese", 10_900),
    food("MAT-110", "Kokesjokolade 200 g", 4_490),
    food("MAT-111", "Knekkebrød med havsalt", 5_990),
    food("MAT-120", "Filterkaffe 500 g", 8_990),
    food("MAT-121", "Kakao på boks", 6_490),
    food("MAT-130", "Multesyltetøy 330 g", 11_950),
    food("MAT-140", "Tørket reinkjøtt 100 g", 13_900),
    ticket("OPP-201", "Billett klatrepark voksen", 44_500),
    ticket("OPP-202", "Billett klatrepark barn", 32_500),
    ticket("OPP-210", "Billett badeland", 28_900),
    book("978-82-301-0001-7", "Turbok: 52 toppturer på Vestlandet", 34_900),
    book("978-82-301-0014-7", "Villmarkens kokebok", 39_900),
    book("978-82-301-0022-2", "Barnas bok om fugler", 22_900),
    book("978-82-301-0038-3", "Krim: Stille under isen", 19_900),
];
