//! The country of a phone number, as far as its first digits say it: ISO 3166-1 codes by ITU-T E.164 country codes,
//! and by area codes where several countries share one.

use crate::number::E164;

/// Country codes and their countries; of several that share a code the largest.
const BY_CODE: &[(&str, &str)] = &[
    ("20", "EG"),
    ("211", "SS"),
    ("212", "MA"),
    ("213", "DZ"),
    ("216", "TN"),
    ("218", "LY"),
    ("220", "GM"),
    ("221", "SN"),
    ("222", "MR"),
    ("223", "ML"),
    ("224", "GN"),
    ("225", "CI"),
    ("226", "BF"),
    ("227", "NE"),
    ("228", "TG"),
    ("229", "BJ"),
    ("230", "MU"),
    ("231", "LR"),
    ("232", "SL"),
    ("233", "GH"),
    ("234", "NG"),
    ("235", "TD"),
    ("236", "CF"),
    ("237", "CM"),
    ("238", "CV"),
    ("239", "ST"),
    ("240", "GQ"),
    ("241", "GA"),
    ("242", "CG"),
    ("243", "CD"),
    ("244", "AO"),
    ("245", "GW"),
    ("246", "IO"),
    ("247", "AC"),
    ("248", "SC"),
    ("249", "SD"),
    ("250", "RW"),
    ("251", "ET"),
    ("252", "SO"),
    ("253", "DJ"),
    ("254", "KE"),
    ("255", "TZ"),
    ("256", "UG"),
    ("257", "BI"),
    ("258", "MZ"),
    ("260", "ZM"),
    ("261", "MG"),
    ("262", "RE"),
    ("263", "ZW"),
    ("264", "NA"),
    ("265", "MW"),
    ("266", "LS"),
    ("267", "BW"),
    ("268", "SZ"),
    ("269", "KM"),
    ("27", "ZA"),
    ("290", "SH"),
    ("291", "ER"),
    ("297", "AW"),
    ("298", "FO"),
    ("299", "GL"),
    ("30", "GR"),
    ("31", "NL"),
    ("32", "BE"),
    ("33", "FR"),
    ("34", "ES"),
    ("350", "GI"),
    ("351", "PT"),
    ("352", "LU"),
    ("353", "IE"),
    ("354", "IS"),
    ("355", "AL"),
    ("356", "MT"),
    ("357", "CY"),
    ("358", "FI"),
    ("359", "BG"),
    ("36", "HU"),
    ("370", "LT"),
    ("371", "LV"),
    ("372", "EE"),
    ("373", "MD"),
    ("374", "AM"),
    ("375", "BY"),
    ("376", "AD"),
    ("377", "MC"),
    ("378", "SM"),
    ("380", "UA"),
    ("381", "RS"),
    ("382", "ME"),
    ("383", "XK"),
    ("385", "HR"),
    ("386", "SI"),
    ("387", "BA"),
    ("389", "MK"),
    ("39", "IT"),
    ("40", "RO"),
    ("41", "CH"),
    ("420", "CZ"),
    ("421", "SK"),
    ("423", "LI"),
    ("43", "AT"),
    ("44", "GB"),
    ("45", "DK"),
    ("46", "SE"),
    ("47", "NO"),
    ("48", "PL"),
    ("49", "DE"),
    ("500", "FK"),
    ("501", "BZ"),
    ("502", "GT"),
    ("503", "SV"),
    ("504", "HN"),
    ("505", "NI"),
    ("506", "CR"),
    ("507", "PA"),
    ("508", "PM"),
    ("509", "HT"),
    ("51", "PE"),
    ("52", "MX"),
    ("53", "CU"),
    ("54", "AR"),
    ("55", "BR"),
    ("56", "CL"),
    ("57", "CO"),
    ("58", "VE"),
    ("590", "GP"),
    ("591", "BO"),
    ("592", "GY"),
    ("593", "EC"),
    ("594", "GF"),
    ("595", "PY"),
    ("596", "MQ"),
    ("597", "SR"),
    ("598", "UY"),
    ("599", "CW"),
    ("60", "MY"),
    ("61", "AU"),
    ("62", "ID"),
    ("63", "PH"),
    ("64", "NZ"),
    ("65", "SG"),
    ("66", "TH"),
    ("670", "TL"),
    ("672", "NF"),
    ("673", "BN"),
    ("674", "NR"),
    ("675", "PG"),
    ("676", "TO"),
    ("677", "SB"),
    ("678", "VU"),
    ("679", "FJ"),
    ("680", "PW"),
    ("681", "WF"),
    ("682", "CK"),
    ("683", "NU"),
    ("685", "WS"),
    ("686", "KI"),
    ("687", "NC"),
    ("688", "TV"),
    ("689", "PF"),
    ("690", "TK"),
    ("691", "FM"),
    ("692", "MH"),
    ("7", "RU"),
    ("81", "JP"),
    ("82", "KR"),
    ("84", "VN"),
    ("850", "KP"),
    ("852", "HK"),
    ("853", "MO"),
    ("855", "KH"),
    ("856", "LA"),
    ("86", "CN"),
    ("880", "BD"),
    ("886", "TW"),
    ("90", "TR"),
    ("91", "IN"),
    ("92", "PK"),
    ("93", "AF"),
    ("94", "LK"),
    ("95", "MM"),
    ("960", "MV"),
    ("961", "LB"),
    ("962", "JO"),
    ("963", "SY"),
    ("964", "IQ"),
    ("965", "KW"),
    ("966", "SA"),
    ("967", "YE"),
    ("968", "OM"),
    ("970", "PS"),
    ("971", "AE"),
    ("972", "IL"),
    ("973", "BH"),
    ("974", "QA"),
    ("975", "BT"),
    ("976", "MN"),
    ("977", "NP"),
    ("98", "IR"),
    ("992", "TJ"),
    ("993", "TM"),
    ("994", "AZ"),
    ("995", "GE"),
    ("996", "KG"),
    ("998", "UZ"),
    // Kazakhstan within +7.
    ("76", "KZ"),
    ("77", "KZ"),
    // Within +44: Jersey, Guernsey, Isle of Man.
    ("441534", "JE"),
    ("441481", "GG"),
    ("441624", "IM"),
    // The Vatican within +39.
    ("3906698", "VA"),
];

/// Area codes of +1 that are not the United States'.
const BY_AREA: &[(&str, &str)] = &[
    (
        "CA",
        "204 226 236 249 250 257 263 289 306 343 354 365 367 368 382 403 416 418 428 431 437 438 450 460 468 474 506 \
         514 519 548 579 581 584 587 604 613 639 647 672 683 705 709 742 753 778 780 782 807 819 825 867 873 879 902 \
         905 942",
    ),
    ("AG", "268"),
    ("AI", "264"),
    ("AS", "684"),
    ("BB", "246"),
    ("BM", "441"),
    ("BS", "242"),
    ("DM", "767"),
    ("DO", "809 829 849"),
    ("GD", "473"),
    ("GU", "671"),
    ("JM", "876 658"),
    ("KN", "869"),
    ("KY", "345"),
    ("LC", "758"),
    ("MP", "670"),
    ("MS", "664"),
    ("PR", "787 939"),
    ("SX", "721"),
    ("TC", "649"),
    ("TT", "868"),
    ("VC", "784"),
    ("VG", "284"),
    ("VI", "340"),
];

/// Longest prefix of the table, in digits.
const PREFIX_MAX: usize = 7;

impl E164 {
    /// The country it belongs to, in two capital letters (ISO 3166-1); none for numbers of no country.
    pub fn country(&self) -> Option<&'static str> {
        let digits = self.digits();
        if let Some(national) = digits.strip_prefix('1') {
            let area = national.get(..3)?;
            let shared = BY_AREA.iter().find(|(_, areas)| areas.split_ascii_whitespace().any(|a| a == area));
            return Some(shared.map_or("US", |(country, _)| country));
        }
        let prefixes = (1..=PREFIX_MAX).rev().filter_map(|length| digits.get(..length));
        prefixes
            .into_iter()
            .find_map(|prefix| BY_CODE.iter().find(|(code, _)| *code == prefix).map(|(_, country)| *country))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn check(number: &str, expected: Option<&str>) {
        assert_eq!(number.parse::<E164>().unwrap().country(), expected, "{number}");
    }

    #[test]
    fn countries() {
        check("+3197058016631", Some("NL"));
        check("+351910648517", Some("PT"));
        check("+15005550000", Some("US"));
        check("+14165550000", Some("CA"));
        check("+18765550000", Some("JM"));
        check("+79161234567", Some("RU"));
        check("+77011234567", Some("KZ"));
        check("+447911123456", Some("GB"));
        check("+441534123456", Some("JE"));
        check("+390669812345", Some("VA"));
        check("+88312345678", None);
    }

    #[test]
    fn no_code_stands_twice() {
        let codes: BTreeSet<_> = BY_CODE.iter().map(|(code, _)| code).collect();
        assert_eq!(codes.len(), BY_CODE.len());
        let areas: Vec<_> = BY_AREA.iter().flat_map(|(_, areas)| areas.split_ascii_whitespace()).collect();
        assert_eq!(areas.iter().collect::<BTreeSet<_>>().len(), areas.len());
    }
}
