//! Names of people and companies.

/// Given names common in Norway, of all ages.
#[rustfmt::skip]
pub(crate) const GIVEN_NAMES: &[&str] = &[
    "Nora", "Emma", "Ella", "Maja", "Olivia", "Emilie", "Sofie", "Leah", "Sara", "Ingrid", "Astrid",
    "Frida", "Tiril", "Amalie", "Hedda", "Selma", "Thea", "Ida", "Julie", "Vilde", "Silje", "Kristin",
    "Marte", "Camilla", "Hanne", "Line", "Stine", "Marianne", "Hilde", "Anne", "Inger", "Kari", "Marit",
    "Liv", "Berit", "Astri", "Solveig", "Randi", "Turid", "Åse", "Bjørg", "Gunhild", "Ragnhild", "Eli",
    "Tone", "Siv", "Wenche", "Trine", "Mona", "Monica", "Heidi", "Linda", "Nina", "Unni", "Aisha",
    "Fatima", "Zofia", "Anastasia", "Lucas", "Noah", "Oliver", "William", "Emil", "Jakob", "Filip",
    "Henrik", "Magnus", "Kasper", "Ludvig", "Sander", "Mathias", "Tobias", "Jonas", "Martin", "Kristian",
    "Andreas", "Fredrik", "Marius", "Espen", "Øyvind", "Håkon", "Sindre", "Eirik", "Vegard", "Stian",
    "Lars", "Morten", "Trond", "Geir", "Rune", "Terje", "Svein", "Bjørn", "Jan", "Per", "Ole", "Kjell",
    "Knut", "Arne", "Odd", "Tor", "Leif", "Gunnar", "Einar", "Sverre", "Harald", "Roar", "Pål", "Jørgen",
    "André", "Muhammad", "Omar", "Piotr", "Tomasz",
];

/// Family names common in Norway.
#[rustfmt::skip]
pub(crate) const FAMILY_NAMES: &[&str] = &[
    "Hansen", "Johansen", "Olsen", "Larsen", "Andersen", "Pedersen", "Nilsen", "Kristiansen", "Jensen",
    "Karlsen", "Johnsen", "Pettersen", "Eriksen", "Berg", "Haugen", "Hagen", "Johannessen", "Andreassen",
    "Jacobsen", "Dahl", "Jørgensen", "Henriksen", "Halvorsen", "Lund", "Sørensen", "Jakobsen", "Moen",
    "Gundersen", "Iversen", "Strand", "Svendsen", "Solberg", "Martinsen", "Paulsen", "Bakken", "Knutsen",
    "Eide", "Kristoffersen", "Mathisen", "Lie", "Rasmussen", "Amundsen", "Bakke", "Lien", "Berge", "Solheim",
    "Nygård", "Nguyen", "Moe", "Fredriksen", "Holm", "Lunde", "Hauge", "Aas", "Ali", "Sandvik", "Knudsen",
    "Ahmed", "Hovland", "Tangen", "Ruud", "Birkeland", "Myhre", "Engen", "Viken", "Myklebust", "Rønning",
    "Sæther", "Ødegård", "Ås", "Kvam", "Fossum", "Skaar", "Tveit", "Brekke", "Thorsen", "Vik", "Hermansen",
    "Sunde", "Nordby", "Kleven", "Lervik", "Aasen", "Bjørnstad", "Hegge", "Kowalska", "Nowak", "Gjerde",
];

/// Made-up companies.
#[rustfmt::skip]
pub(crate) const COMPANY_NAMES: &[&str] = &[
    "Fjellheim", "Nordvik", "Solbakken", "Breidablikk", "Havblikk", "Kvitfjell", "Elvebredden", "Furuly",
    "Granli", "Storevik", "Lyngmo", "Skogstad", "Bergtun", "Vestlia", "Tindevær", "Sjøbris", "Midtbyen",
    "Østerdalen", "Kystruten", "Fjordgløtt",
];

/// What they do and what they are.
#[rustfmt::skip]
pub(crate) const COMPANY_ENDINGS: &[&str] = &[
    "AS", "Bygg AS", "Regnskap AS", "Hytteutleie AS", "Barnehage SA", "Kafé AS", "Eiendom AS", "Turlag",
    "Maskin AS", "Elektro AS", "Rør AS", "Idrettslag", "Hotell AS", "Frisør ANS", "Transport AS",
];
