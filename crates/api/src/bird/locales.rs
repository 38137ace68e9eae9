//! The languages that this door's commands know (contract §2.3).

/// Of `say`.
pub(crate) const SAY: &str = "arb ar-AE bg-BG bn-IN ca-ES cs-CZ cy-GB cmn-CN da-DK de-CH de-DE de-AT el-GR en-AU en-GB \
    en-IN en-NZ en-ZA en-US en-GB-WLS es-ES es-MX es-US eu-ES fi-FI fil-PH fr-FR fr-BE fr-CA gl-ES gu-IN he-IL hi-IN \
    hu-HU id-ID is-IS it-IT ja-JP ko-KR lt-LT lv-LV ms-MY nl-BE nl-NL nb-NO pa-IN pl-PL pt-BR pt-PT ro-RO ru-RU sk-SK \
    sr-RS sv-SE ta-IN te-IN tr-TR th-TH uk-UA vi-VN yue-CN";
/// Of `gather` with speech, and of answering-machine detection.
pub(crate) const GATHER: &str = "de-DE en-AU en-GB en-US es-US it-IT ja-JP ko-KR pt-BR th-TH zh-CN";
/// Of `record` with transcription.
pub(crate) const TRANSCRIBE: &str = "ar-AE ar-SA zh-CN zh-TW da-DK nl-NL en-AU en-GB en-IN en-IE en-NZ en-AB en-ZA \
    en-US en-WL fr-FR fr-CA fa-IR de-DE de-CH he-IL hi-IN id-ID it-IT ja-JP ko-KR ms-MY pt-PT pt-BR ru-RU es-ES es-US \
    sv-SE ta-IN te-IN th-TH tr-TR vi-VN";
