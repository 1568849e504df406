//! Postal codes with their towns, and streets.

use crate::buyers::Country;

#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) postal_code: &'static str,
    pub(crate) town: &'static str,
}

const fn place(postal_code: &'static str, town: &'static str) -> Place {
    Place { postal_code, town }
}

pub(crate) const OSLO: Place = place("0155", "Oslo");

/// Where the orders of a country go.
pub(crate) fn of(country: Country) -> &'static [Place] {
    match country {
        Country::Norway => NORWAY,
        Country::Sweden => &SWEDEN,
        Country::Denmark => &DENMARK,
        Country::Finland => &FINLAND,
        Country::Germany => &GERMANY,
    }
}

/// Streets of a country.
pub(crate) fn streets(country: Country) -> &'static [&'static str] {
    match country {
        Country::Norway => STREETS,
        Country::Sweden => &["Storgatan", "Kungsgatan", "Skolgatan", "Parkvägen"],
        Country::Denmark => &["Nørregade", "Skolegade", "Strandvejen", "Vestergade"],
        Country::Finland => &["Mannerheimintie", "Rantatie", "Koulukatu"],
        Country::Germany => &["Hauptstraße", "Gartenweg", "Bahnhofstraße", "Lindenallee"],
    }
}

/// The large towns stand here with several codes, as they order more.
#[rustfmt::skip]
pub(crate) const NORWAY: &[Place] = &[
    place("0155", "Oslo"), place("0175", "Oslo"), place("0253", "Oslo"), place("0356", "Oslo"),
    place("0458", "Oslo"), place("0475", "Oslo"), place("0552", "Oslo"), place("0567", "Oslo"),
    place("0655", "Oslo"), place("0770", "Oslo"), place("0864", "Oslo"), place("0981", "Oslo"),
    place("1153", "Oslo"), place("1274", "Oslo"), place("1337", "Sandvika"), place("1366", "Lysaker"),
    place("1383", "Asker"), place("1400", "Ski"), place("1430", "Ås"), place("1440", "Drøbak"),
    place("1482", "Nittedal"), place("1530", "Moss"), place("1606", "Fredrikstad"),
    place("1706", "Sarpsborg"), place("1767", "Halden"), place("1830", "Askim"), place("1850", "Mysen"),
    place("2000", "Lillestrøm"), place("2050", "Jessheim"), place("2080", "Eidsvoll"),
    place("2212", "Kongsvinger"), place("2317", "Hamar"), place("2406", "Elverum"),
    place("2500", "Tynset"), place("2609", "Lillehammer"), place("2670", "Otta"),
    place("2815", "Gjøvik"), place("2830", "Raufoss"), place("2900", "Fagernes"),
    place("3015", "Drammen"), place("3044", "Drammen"), place("3110", "Tønsberg"),
    place("3187", "Horten"), place("3211", "Sandefjord"), place("3256", "Larvik"),
    place("3300", "Hokksund"), place("3510", "Hønefoss"), place("3550", "Gol"),
    place("3611", "Kongsberg"), place("3674", "Notodden"), place("3724", "Skien"),
    place("3770", "Kragerø"), place("3800", "Bø i Telemark"), place("3916", "Porsgrunn"),
    place("4006", "Stavanger"), place("4014", "Stavanger"), place("4026", "Stavanger"),
    place("4050", "Sola"), place("4306", "Sandnes"), place("4340", "Bryne"), place("4370", "Egersund"),
    place("4400", "Flekkefjord"), place("4515", "Mandal"), place("4612", "Kristiansand S"),
    place("4630", "Kristiansand S"), place("4790", "Lillesand"), place("4836", "Arendal"),
    place("4876", "Grimstad"), place("5003", "Bergen"), place("5014", "Bergen"),
    place("5035", "Bergen"), place("5063", "Bergen"), place("5147", "Fyllingsdalen"),
    place("5200", "Os"), place("5300", "Kleppestø"), place("5411", "Stord"),
    place("5501", "Haugesund"), place("5525", "Haugesund"), place("5600", "Norheimsund"),
    place("5700", "Voss"), place("5750", "Odda"), place("6003", "Ålesund"), place("6100", "Volda"),
    place("6150", "Ørsta"), place("6413", "Molde"), place("6508", "Kristiansund N"),
    place("6600", "Sunndalsøra"), place("6800", "Førde"), place("6856", "Sogndal"),
    place("6900", "Florø"), place("7010", "Trondheim"), place("7030", "Trondheim"),
    place("7048", "Trondheim"), place("7080", "Heimdal"), place("7300", "Orkanger"),
    place("7340", "Oppdal"), place("7374", "Røros"), place("7500", "Stjørdal"),
    place("7600", "Levanger"), place("7650", "Verdal"), place("7713", "Steinkjer"),
    place("7800", "Namsos"), place("8006", "Bodø"), place("8200", "Fauske"), place("8300", "Svolvær"),
    place("8370", "Leknes"), place("8400", "Sortland"), place("8514", "Narvik"),
    place("8622", "Mo i Rana"), place("8656", "Mosjøen"), place("9008", "Tromsø"),
    place("9019", "Tromsø"), place("9300", "Finnsnes"), place("9405", "Harstad"),
    place("9510", "Alta"), place("9600", "Hammerfest"), place("9730", "Karasjok"),
    place("9800", "Vadsø"), place("9900", "Kirkenes"),
];

const SWEDEN: [Place; 4] = [
    place("111 29", "Stockholm"),
    place("411 03", "Göteborg"),
    place("211 20", "Malmö"),
    place("831 30", "Östersund"),
];
const DENMARK: [Place; 3] =
    [place("2100", "København Ø"), place("8000", "Aarhus C"), place("5000", "Odense C")];
const FINLAND: [Place; 2] = [place("00100", "Helsinki"), place("33100", "Tampere")];
const GERMANY: [Place; 3] =
    [place("10115", "Berlin"), place("20095", "Hamburg"), place("80331", "München")];

#[rustfmt::skip]
const STREETS: &[&str] = &[
    "Storgata", "Kirkeveien", "Skolegata", "Bjørkeveien", "Granveien", "Furuveien", "Strandveien",
    "Solbakken", "Industriveien", "Parkveien", "Kongens gate", "Dronningens gate", "Øvre Slottsgate",
    "Fjellveien", "Myrveien", "Lyngveien", "Elvegata", "Havnegata", "Jernbanegata", "Tordenskjolds gate",
    "Nansens vei", "Amundsens gate", "Ringveien", "Åsveien", "Haugeveien", "Nedre Møllevei", "Sjøgata",
    "Kvernhusbakken", "Østre Ringvei", "Blåbærstien", "Linerleveien", "Rognelia",
];
