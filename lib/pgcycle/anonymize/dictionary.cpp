#include "pgcycle/anonymize/dictionary.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <vector>

#include "pgcycle/anonymize/packed_text.hpp"
#include "pgcycle/support/utf8.hpp"

namespace pgcycle::anonymize {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view kFirstLatin[]{
    "Alden"sv,    "Amara"sv,      "Ansel"sv,     "Ariadne"sv,  "Astrid"sv,   "Auberon"sv,
    "Aurel"sv,    "Avelina"sv,    "Basil"sv,     "Beatrix"sv,  "Benno"sv,    "Brisa"sv,
    "Caspian"sv,  "Celestine"sv,  "Cillian"sv,   "Clovis"sv,   "Cora"sv,     "Cosima"sv,
    "Cyprian"sv,  "Damaris"sv,    "Delphine"sv,  "Dorian"sv,   "Edda"sv,     "Eleonor"sv,
    "Elowen"sv,   "Emrys"sv,      "Endre"sv,     "Esme"sv,     "Evander"sv,  "Fabian"sv,
    "Faustina"sv, "Fenella"sv,    "Finnian"sv,   "Flavia"sv,   "Florent"sv,  "Gaia"sv,
    "Gideon"sv,   "Ginevra"sv,    "Gwendolyn"sv, "Hadrian"sv,  "Halina"sv,   "Hesper"sv,
    "Honora"sv,   "Idris"sv,      "Ilaria"sv,    "Imogen"sv,   "Ingrid"sv,   "Isolde"sv,
    "Ivo"sv,      "Jarek"sv,      "Jessamy"sv,   "Jocasta"sv,  "Jolyon"sv,   "Juniper"sv,
    "Kalliope"sv, "Kasimir"sv,    "Katya"sv,     "Kerensa"sv,  "Lazlo"sv,    "Leander"sv,
    "Leocadia"sv, "Linnea"sv,     "Lorcan"sv,    "Ludovic"sv,  "Lysander"sv, "Maelis"sv,
    "Magnus"sv,   "Marisol"sv,    "Melisande"sv, "Merrick"sv,  "Milena"sv,   "Mirabel"sv,
    "Morwenna"sv, "Nadia"sv,      "Nerissa"sv,   "Niamh"sv,    "Octavia"sv,  "Odile"sv,
    "Olympia"sv,  "Orlaith"sv,    "Orson"sv,     "Osric"sv,    "Ottilie"sv,  "Paloma"sv,
    "Perpetua"sv, "Phineas"sv,    "Quentin"sv,   "Quilla"sv,   "Ragna"sv,    "Rainer"sv,
    "Raphaela"sv, "Roderic"sv,    "Rosalba"sv,   "Rowena"sv,   "Sabine"sv,   "Saskia"sv,
    "Selwyn"sv,   "Seraphina"sv,  "Sigrid"sv,    "Silvan"sv,   "Solange"sv,  "Sunniva"sv,
    "Tamsin"sv,   "Tancred"sv,    "Thaddeus"sv,  "Theodora"sv, "Tiberius"sv, "Torsten"sv,
    "Ulric"sv,    "Ursel"sv,      "Valentin"sv,  "Verity"sv,   "Vesper"sv,   "Viggo"sv,
    "Wenda"sv,    "Wilhelmina"sv, "Xanthe"sv,    "Yara"sv,     "Yorick"sv,   "Ysolde"sv,
    "Zelda"sv,    "Zephyr"sv,     "Zora"sv};

constexpr std::string_view kLastLatin[]{
    "Abernathy"sv,   "Aldridge"sv,     "Almgren"sv,     "Ambrose"sv,      "Ashcombe"sv,
    "Aversa"sv,      "Balthasar"sv,    "Barkwith"sv,    "Belvoir"sv,      "Bergstrom"sv,
    "Birchwood"sv,   "Blackmore"sv,    "Bramwell"sv,    "Brightwater"sv,  "Calloway"sv,
    "Cardew"sv,      "Carraway"sv,     "Castellan"sv,   "Chandos"sv,      "Cloverfield"sv,
    "Coldwell"sv,    "Corbin"sv,       "Cranford"sv,    "Dalgaard"sv,     "Darnley"sv,
    "Delacourt"sv,   "Drakeford"sv,    "Duskwood"sv,    "Eastlake"sv,     "Ellingham"sv,
    "Elmsworth"sv,   "Everard"sv,      "Fairbourne"sv,  "Falconer"sv,     "Fenwick"sv,
    "Ferndale"sv,    "Fjeldstad"sv,    "Foxglove"sv,    "Gallard"sv,      "Garrick"sv,
    "Glenmore"sv,    "Goldthorpe"sv,   "Greywater"sv,   "Grimaldi"sv,     "Hallowell"sv,
    "Harkness"sv,    "Hathersage"sv,   "Hawksworth"sv,  "Hazelrigg"sv,    "Hollingbrook"sv,
    "Ironside"sv,    "Islington"sv,    "Jessop"sv,      "Kestrel"sv,      "Kingsmere"sv,
    "Kirkbride"sv,   "Lakeland"sv,     "Lanyon"sv,      "Larkspur"sv,     "Lindqvist"sv,
    "Loxley"sv,      "Lyndhurst"sv,    "Maplewood"sv,   "Marchetti"sv,    "Merriweather"sv,
    "Midwinter"sv,   "Mistral"sv,      "Montclair"sv,   "Moorcroft"sv,    "Nettlefold"sv,
    "Nightingale"sv, "Northcote"sv,    "Oakenshaw"sv,   "Oldcastle"sv,    "Orrick"sv,
    "Oxenford"sv,    "Pallister"sv,    "Pemberly"sv,    "Penhallow"sv,    "Pendragon"sv,
    "Quarrington"sv, "Quillfeather"sv, "Ravenscar"sv,   "Redfern"sv,      "Ridgeway"sv,
    "Rivermead"sv,   "Rosenthal"sv,    "Rookwood"sv,    "Salvatore"sv,    "Sandringham"sv,
    "Seagrave"sv,    "Silverlock"sv,   "Skylark"sv,     "Snowdon"sv,      "Sommerfeld"sv,
    "Southwell"sv,   "Stonebridge"sv,  "Summerhayes"sv, "Swiftwater"sv,   "Tamarind"sv,
    "Teasdale"sv,    "Thornbury"sv,    "Tidewell"sv,    "Trevanion"sv,    "Umberland"sv,
    "Valdemar"sv,    "Vantongeren"sv,  "Wakefield"sv,   "Westergaard"sv,  "Whitlock"sv,
    "Wildgrave"sv,   "Willoughby"sv,   "Windermere"sv,  "Winterbourne"sv, "Wolvercote"sv,
    "Woodhollow"sv,  "Wyndham"sv,      "Yarborough"sv,  "Yellowley"sv,    "Zimmerfeld"sv};

constexpr std::string_view kFirstHan[]{"子涵"sv, "雨桐"sv, "浩然"sv, "思远"sv, "梓萱"sv, "明轩"sv,
                                       "若溪"sv, "天佑"sv, "诗涵"sv, "俊杰"sv, "欣怡"sv, "宇轩"sv,
                                       "晨曦"sv, "雅静"sv, "志远"sv, "书瑶"sv, "嘉懿"sv, "弘文"sv,
                                       "语嫣"sv, "博涛"sv, "静姝"sv, "泽宇"sv, "婉清"sv, "鸿煊"sv,
                                       "梦琪"sv, "文昊"sv, "清妍"sv, "景行"sv, "采薇"sv, "致远"sv};

constexpr std::string_view kLastHan[]{"欧阳"sv, "上官"sv, "司徒"sv, "慕容"sv, "诸葛"sv,
                                      "东方"sv, "令狐"sv, "皇甫"sv, "尉迟"sv, "公孙"sv,
                                      "轩辕"sv, "长孙"sv, "宇文"sv, "司空"sv, "端木"sv,
                                      "百里"sv, "南宫"sv, "夏侯"sv, "闻人"sv, "钟离"sv};

constexpr std::string_view kFirstArabic[]{"سلمى"sv, "زاهر"sv,  "ليان"sv, "باسل"sv, "رنيم"sv,
                                          "تامر"sv, "جمانة"sv, "أوس"sv,  "ميار"sv, "قصي"sv,
                                          "لجين"sv, "عاصم"sv,  "ديمة"sv, "هيثم"sv, "تالين"sv,
                                          "مهند"sv, "شهد"sv,   "وسيم"sv, "روان"sv, "نزار"sv};

constexpr std::string_view kLastArabic[]{
    "الزهراني"sv, "البستاني"sv, "القاضي"sv, "الخياط"sv,   "النجار"sv, "الصباغ"sv, "العطار"sv,
    "الفارس"sv,   "الدباغ"sv,   "الحداد"sv, "الساعاتي"sv, "الورد"sv,  "النقاش"sv, "البحري"sv,
    "الجبلي"sv,   "السهلي"sv,   "النخيل"sv, "الغزالي"sv,  "الكاتب"sv, "الرسام"sv};

constexpr std::string_view kFirstCyrillic[]{
    "Велимир"sv,   "Злата"sv,   "Ратибор"sv, "Милана"sv,   "Богдана"sv, "Святослав"sv, "Лада"sv,
    "Мирослава"sv, "Яромир"sv,  "Есения"sv,  "Всеволод"sv, "Дарина"sv,  "Ростислав"sv, "Весна"sv,
    "Любомир"sv,   "Снежана"sv, "Тихон"sv,   "Агния"sv,    "Лукьян"sv,  "Ульяна"sv};

constexpr std::string_view kLastCyrillic[]{
    "Березовский"sv,     "Ветров"sv,         "Горностай"sv, "Журавский"sv, "Заречный"sv,
    "Калинин-Луговой"sv, "Лебединский"sv,    "Медунов"sv,   "Озёрский"sv,  "Подсолнух"sv,
    "Ракитин"sv,         "Синегорский"sv,    "Тополев"sv,   "Урожайный"sv, "Хвойный"sv,
    "Черёмухин"sv,       "Шумилов-Лесной"sv, "Яблонский"sv, "Долинин"sv,   "Ясеневый"sv};

constexpr std::string_view kStreets[]{
    "Acacia"sv,   "Alder"sv,      "Amber"sv,    "Aspen"sv,    "Beacon"sv,    "Birch"sv,
    "Bramble"sv,  "Bridgefoot"sv, "Cedar"sv,    "Chestnut"sv, "Cinder"sv,    "Clover"sv,
    "Copper"sv,   "Coral"sv,      "Cypress"sv,  "Daisy"sv,    "Driftwood"sv, "Elderberry"sv,
    "Fern"sv,     "Foundry"sv,    "Foxglove"sv, "Garnet"sv,   "Gossamer"sv,  "Harbour"sv,
    "Hawthorn"sv, "Heather"sv,    "Hickory"sv,  "Ivy"sv,      "Jasmine"sv,   "Juniper"sv,
    "Kelp"sv,     "Lantern"sv,    "Larch"sv,    "Lavender"sv, "Linden"sv,    "Magnolia"sv,
    "Maple"sv,    "Meadow"sv,     "Mill"sv,     "Mulberry"sv, "Nettle"sv,    "Oak"sv,
    "Olive"sv,    "Orchard"sv,    "Pebble"sv,   "Pine"sv,     "Poplar"sv,    "Primrose"sv,
    "Quarry"sv,   "Quince"sv,     "Reed"sv,     "Rowan"sv,    "Saffron"sv,   "Sorrel"sv,
    "Spruce"sv,   "Sycamore"sv,   "Thistle"sv,  "Tulip"sv,    "Walnut"sv,    "Willow"sv};

constexpr std::string_view kCities[]{
    "Ashbrook"sv,   "Barrowmere"sv,  "Birchhaven"sv, "Brightford"sv,      "Calderstow"sv,
    "Cloverdale"sv, "Coldharbour"sv, "Cresthill"sv,  "Deepwater"sv,       "Dunmarsh"sv,
    "Eastmere"sv,   "Elmstead"sv,    "Fairhollow"sv, "Fernwick"sv,        "Foxbridge"sv,
    "Glenhaven"sv,  "Goldport"sv,    "Greenmoor"sv,  "Hazelton"sv,        "Highcliff"sv,
    "Ivybridge"sv,  "Kingsreach"sv,  "Lakeview"sv,   "Larkfield"sv,       "Littleham"sv,
    "Longmarsh"sv,  "Maplehurst"sv,  "Millbay"sv,    "Moorgate"sv,        "Newhaven Cross"sv,
    "Northwick"sv,  "Oakhaven"sv,    "Oldbury"sv,    "Pinecrest"sv,       "Quayside"sv,
    "Ravensholt"sv, "Redwater"sv,    "Riverbend"sv,  "Rosewick"sv,        "Saltmarsh"sv,
    "Silverdale"sv, "Southmere"sv,   "Stonehaven"sv, "Summerfield"sv,     "Thornwick"sv,
    "Tidemouth"sv,  "Underhill"sv,   "Valebrook"sv,  "Waterford Green"sv, "Westmarsh"sv,
    "Whitecliff"sv, "Willowbank"sv,  "Windmere"sv,   "Wintersend"sv,      "Woodbridge End"sv,
    "Yewdale"sv};

constexpr std::string_view kCompanyWords[]{
    "Amber"sv,   "Anvil"sv,    "Apex"sv,     "Aurora"sv,  "Beacon"sv,  "Bluebird"sv, "Boreal"sv,
    "Bright"sv,  "Cascade"sv,  "Cedar"sv,    "Cobalt"sv,  "Comet"sv,   "Compass"sv,  "Copper"sv,
    "Coral"sv,   "Crescent"sv, "Delta"sv,    "Ember"sv,   "Falcon"sv,  "Fjord"sv,    "Garnet"sv,
    "Glacier"sv, "Granite"sv,  "Harbour"sv,  "Helix"sv,   "Horizon"sv, "Indigo"sv,   "Iris"sv,
    "Juniper"sv, "Lantern"sv,  "Larch"sv,    "Lumen"sv,   "Lunar"sv,   "Maple"sv,    "Meridian"sv,
    "Mosaic"sv,  "Nimbus"sv,   "Nova"sv,     "Oak"sv,     "Onyx"sv,    "Orbit"sv,    "Orchid"sv,
    "Pebble"sv,  "Pinnacle"sv, "Polar"sv,    "Prism"sv,   "Quartz"sv,  "Quill"sv,    "Ripple"sv,
    "Sable"sv,   "Sierra"sv,   "Solstice"sv, "Spruce"sv,  "Summit"sv,  "Tern"sv,     "Tidal"sv,
    "Topaz"sv,   "Vector"sv,   "Velvet"sv,   "Verdant"sv, "Vertex"sv,  "Willow"sv,   "Zenith"sv,
    "Zephyr"sv};

constexpr std::string_view kCompanyForms[]{"Works"sv,    "Group"sv,     "Labs"sv,     "Partners"sv,
                                           "Trading"sv,  "Systems"sv,   "Holdings"sv, "Studio"sv,
                                           "Supplies"sv, "Logistics"sv, "Services"sv, "Foods"sv};

// Sorted, for binary search.
constexpr std::string_view kCommonWords[]{
    "a"sv,         "about"sv,     "above"sv,     "absent"sv,       "after"sv,       "afternoon"sv,
    "again"sv,     "against"sv,   "algebra"sv,   "all"sv,          "almost"sv,      "already"sv,
    "also"sv,      "although"sv,  "always"sv,    "am"sv,           "an"sv,          "and"sv,
    "another"sv,   "answer"sv,    "answered"sv,  "answers"sv,      "any"sv,         "anyone"sv,
    "anything"sv,  "are"sv,       "around"sv,    "arrived"sv,      "as"sv,          "asked"sv,
    "at"sv,        "attention"sv, "away"sv,      "back"sv,         "bad"sv,         "basic"sv,
    "be"sv,        "because"sv,   "been"sv,      "before"sv,       "begin"sv,       "behaviour"sv,
    "behind"sv,    "being"sv,     "below"sv,     "best"sv,         "better"sv,      "between"sv,
    "big"sv,       "biology"sv,   "book"sv,      "books"sv,        "both"sv,        "break"sv,
    "bring"sv,     "but"sv,       "by"sv,        "call"sv,         "called"sv,      "came"sv,
    "can"sv,       "cancelled"sv, "cannot"sv,    "case"sv,         "change"sv,      "changed"sv,
    "chapter"sv,   "check"sv,     "chemistry"sv, "class"sv,        "classes"sv,     "clear"sv,
    "closed"sv,    "come"sv,      "completed"sv, "concentrate"sv,  "confident"sv,   "corrected"sv,
    "could"sv,     "course"sv,    "covered"sv,   "day"sv,          "days"sv,        "did"sv,
    "different"sv, "difficult"sv, "discussed"sv, "do"sv,           "does"sv,        "doing"sv,
    "done"sv,      "down"sv,      "due"sv,       "during"sv,       "each"sv,        "early"sv,
    "easy"sv,      "either"sv,    "else"sv,      "end"sv,          "english"sv,     "enough"sv,
    "equations"sv, "essay"sv,     "even"sv,      "evening"sv,      "every"sv,       "everything"sv,
    "exam"sv,      "exams"sv,     "exercise"sv,  "exercises"sv,    "explained"sv,   "far"sv,
    "feel"sv,      "few"sv,       "finish"sv,    "finished"sv,     "first"sv,       "five"sv,
    "focus"sv,     "follow"sv,    "following"sv, "for"sv,          "four"sv,        "fractions"sv,
    "from"sv,      "full"sv,      "further"sv,   "gave"sv,         "geography"sv,   "geometry"sv,
    "get"sv,       "give"sv,      "given"sv,     "go"sv,           "goes"sv,        "going"sv,
    "good"sv,      "got"sv,       "grammar"sv,   "great"sv,        "group"sv,       "had"sv,
    "half"sv,      "hard"sv,      "has"sv,       "have"sv,         "having"sv,      "he"sv,
    "help"sv,      "her"sv,       "here"sv,      "hers"sv,         "him"sv,         "his"sv,
    "history"sv,   "home"sv,      "homework"sv,  "hour"sv,         "hours"sv,       "how"sv,
    "however"sv,   "i"sv,         "if"sv,        "important"sv,    "improve"sv,     "improved"sv,
    "in"sv,        "into"sv,      "invoice"sv,   "is"sv,           "it"sv,          "its"sv,
    "itself"sv,    "just"sv,      "keep"sv,      "kept"sv,         "know"sv,        "known"sv,
    "last"sv,      "late"sv,      "later"sv,     "learn"sv,        "learned"sv,     "learning"sv,
    "least"sv,     "left"sv,      "less"sv,      "lesson"sv,       "lessons"sv,     "let"sv,
    "level"sv,     "like"sv,      "listening"sv, "literature"sv,   "little"sv,      "long"sv,
    "look"sv,      "looked"sv,    "low"sv,       "made"sv,         "main"sv,        "make"sv,
    "many"sv,      "material"sv,  "math"sv,      "maths"sv,        "matter"sv,      "maybe"sv,
    "me"sv,        "mean"sv,      "means"sv,     "meet"sv,         "meeting"sv,     "might"sv,
    "minute"sv,    "minutes"sv,   "missed"sv,    "mistake"sv,      "mistakes"sv,    "month"sv,
    "more"sv,      "morning"sv,   "most"sv,      "moved"sv,        "much"sv,        "music"sv,
    "must"sv,      "my"sv,        "near"sv,      "need"sv,         "needed"sv,      "needs"sv,
    "never"sv,     "new"sv,       "next"sv,      "nice"sv,         "night"sv,       "no"sv,
    "none"sv,      "not"sv,       "note"sv,      "notes"sv,        "nothing"sv,     "now"sv,
    "of"sv,        "off"sv,       "often"sv,     "ok"sv,           "old"sv,         "on"sv,
    "once"sv,      "one"sv,       "online"sv,    "only"sv,         "open"sv,        "or"sv,
    "order"sv,     "other"sv,     "our"sv,       "out"sv,          "over"sv,        "own"sv,
    "page"sv,      "pages"sv,     "paid"sv,      "paper"sv,        "parent"sv,      "parents"sv,
    "part"sv,      "past"sv,      "pay"sv,       "payment"sv,      "per"sv,         "phone"sv,
    "physics"sv,   "plan"sv,      "please"sv,    "possible"sv,     "practice"sv,    "practise"sv,
    "prefers"sv,   "prepared"sv,  "present"sv,   "presentation"sv, "problem"sv,     "problems"sv,
    "progress"sv,  "put"sv,       "question"sv,  "questions"sv,    "quick"sv,       "quickly"sv,
    "quite"sv,     "rather"sv,    "read"sv,      "reading"sv,      "ready"sv,       "really"sv,
    "reason"sv,    "received"sv,  "reminder"sv,  "rescheduled"sv,  "review"sv,      "revised"sv,
    "revision"sv,  "right"sv,     "said"sv,      "same"sv,         "saw"sv,         "say"sv,
    "school"sv,    "science"sv,   "score"sv,     "second"sv,       "see"sv,         "seen"sv,
    "send"sv,      "sent"sv,      "session"sv,   "sessions"sv,     "set"sv,         "several"sv,
    "she"sv,       "shorter"sv,   "should"sv,    "show"sv,         "showed"sv,      "since"sv,
    "six"sv,       "slowly"sv,    "small"sv,     "so"sv,           "some"sv,        "someone"sv,
    "something"sv, "soon"sv,      "speaking"sv,  "spelling"sv,     "spent"sv,       "start"sv,
    "started"sv,   "still"sv,     "stop"sv,      "strong"sv,       "struggled"sv,   "student"sv,
    "students"sv,  "study"sv,     "subject"sv,   "subjects"sv,     "such"sv,        "sure"sv,
    "take"sv,      "taken"sv,     "talk"sv,      "taught"sv,       "teach"sv,       "teacher"sv,
    "teachers"sv,  "ten"sv,       "test"sv,      "tests"sv,        "than"sv,        "that"sv,
    "the"sv,       "their"sv,     "them"sv,      "then"sv,         "there"sv,       "these"sv,
    "they"sv,      "thing"sv,     "things"sv,    "think"sv,        "third"sv,       "this"sv,
    "those"sv,     "three"sv,     "through"sv,   "time"sv,         "times"sv,       "tired"sv,
    "to"sv,        "today"sv,     "together"sv,  "told"sv,         "tomorrow"sv,    "too"sv,
    "took"sv,      "topic"sv,     "topics"sv,    "toward"sv,       "transfer"sv,    "tried"sv,
    "try"sv,       "two"sv,       "under"sv,     "understand"sv,   "understands"sv, "until"sv,
    "up"sv,        "upon"sv,      "us"sv,        "use"sv,          "used"sv,        "useful"sv,
    "using"sv,     "usual"sv,     "very"sv,      "via"sv,          "vocabulary"sv,  "wait"sv,
    "want"sv,      "wanted"sv,    "wants"sv,     "was"sv,          "way"sv,         "we"sv,
    "weak"sv,      "week"sv,      "weekly"sv,    "weeks"sv,        "well"sv,        "went"sv,
    "were"sv,      "what"sv,      "when"sv,      "where"sv,        "whether"sv,     "which"sv,
    "while"sv,     "who"sv,       "whole"sv,     "why"sv,          "with"sv,        "within"sv,
    "without"sv,   "work"sv,      "worked"sv,    "works"sv,        "would"sv,       "write"sv,
    "writing"sv,   "wrong"sv,     "yes"sv,       "yesterday"sv,    "yet"sv,         "you"sv,
    "your"sv};

// Sorted, for binary search.
constexpr std::string_view kFirstNamesInUse[]{
    "aaron"sv,     "abdullah"sv,  "adam"sv,      "adrian"sv,    "agnes"sv,       "ahmed"sv,
    "aisha"sv,     "alan"sv,      "albert"sv,    "alejandro"sv, "alessandro"sv,  "alex"sv,
    "alexander"sv, "alexandra"sv, "alfred"sv,    "ali"sv,       "alice"sv,       "alicia"sv,
    "amanda"sv,    "amelia"sv,    "amir"sv,      "ana"sv,       "anastasia"sv,   "andrea"sv,
    "andreas"sv,   "andrew"sv,    "andrzej"sv,   "angela"sv,    "ann"sv,         "anna"sv,
    "anne"sv,      "annette"sv,   "anthony"sv,   "anton"sv,     "antonio"sv,     "antónio"sv,
    "anya"sv,      "ashley"sv,    "barbara"sv,   "beata"sv,     "benjamin"sv,    "bernd"sv,
    "betty"sv,     "bjorn"sv,     "brandon"sv,   "brenda"sv,    "brian"sv,       "bruno"sv,
    "camille"sv,   "carla"sv,     "carlos"sv,    "carmen"sv,    "carol"sv,       "caroline"sv,
    "catherine"sv, "cecilia"sv,   "charles"sv,   "charlotte"sv, "chen"sv,        "chiara"sv,
    "chloe"sv,     "christian"sv, "christina"sv, "christine"sv, "christopher"sv, "claire"sv,
    "clara"sv,     "claudia"sv,   "claus"sv,     "cynthia"sv,   "daniel"sv,      "daniela"sv,
    "david"sv,     "deborah"sv,   "dennis"sv,    "diana"sv,     "diego"sv,       "dieter"sv,
    "dimitri"sv,   "dmitri"sv,    "donald"sv,    "donna"sv,     "dorothy"sv,     "edward"sv,
    "elena"sv,     "elizabeth"sv, "ella"sv,      "emily"sv,     "emma"sv,        "enrique"sv,
    "erik"sv,      "ernst"sv,     "eva"sv,       "fatima"sv,    "felix"sv,       "fernando"sv,
    "filip"sv,     "florian"sv,   "francesca"sv, "francesco"sv, "francisco"sv,   "frank"sv,
    "françois"sv,  "gabriel"sv,   "gary"sv,      "george"sv,    "gerald"sv,      "giovanni"sv,
    "giulia"sv,    "grace"sv,     "greta"sv,     "guillaume"sv, "hannah"sv,      "hans"sv,
    "harold"sv,    "hassan"sv,    "heather"sv,   "heike"sv,     "heinrich"sv,    "heinz"sv,
    "helen"sv,     "helena"sv,    "helga"sv,     "henrik"sv,    "henry"sv,       "hiroshi"sv,
    "hugo"sv,      "ibrahim"sv,   "igor"sv,      "ingrid"sv,    "inês"sv,        "irene"sv,
    "isabel"sv,    "isabella"sv,  "ivan"sv,      "jack"sv,      "jacob"sv,       "jakub"sv,
    "jan"sv,       "jane"sv,      "janet"sv,     "jason"sv,     "javier"sv,      "jean"sv,
    "jeffrey"sv,   "jennifer"sv,  "jens"sv,      "jerry"sv,     "jessica"sv,     "joan"sv,
    "joana"sv,     "joanna"sv,    "joao"sv,      "johan"sv,     "johann"sv,      "johannes"sv,
    "john"sv,      "jonathan"sv,  "jorge"sv,     "jose"sv,      "joseph"sv,      "joshua"sv,
    "josé"sv,      "joyce"sv,     "joão"sv,      "juan"sv,      "judith"sv,      "julia"sv,
    "julie"sv,     "jürgen"sv,    "karen"sv,     "karin"sv,     "karl"sv,        "katarzyna"sv,
    "katherine"sv, "kathleen"sv,  "keiko"sv,     "kelly"sv,     "kenneth"sv,     "kevin"sv,
    "klaus"sv,     "krzysztof"sv, "lars"sv,      "laura"sv,     "lauren"sv,      "leila"sv,
    "lena"sv,      "leon"sv,      "leonardo"sv,  "li"sv,        "linda"sv,       "lisa"sv,
    "lorenzo"sv,   "louis"sv,     "louise"sv,    "lucas"sv,     "lucia"sv,       "ludmila"sv,
    "luigi"sv,     "luis"sv,      "lukas"sv,     "luís"sv,      "magdalena"sv,   "manuel"sv,
    "marco"sv,     "marcus"sv,    "margaret"sv,  "maria"sv,     "mariam"sv,      "marie"sv,
    "mario"sv,     "marta"sv,     "martha"sv,    "martin"sv,    "mary"sv,        "maryam"sv,
    "matteo"sv,    "matthew"sv,   "matthias"sv,  "max"sv,       "megan"sv,       "mehmet"sv,
    "melissa"sv,   "mia"sv,       "michael"sv,   "michel"sv,    "michelle"sv,    "miguel"sv,
    "mikhail"sv,   "mohamed"sv,   "mohammad"sv,  "mohammed"sv,  "monica"sv,      "monika"sv,
    "muhammad"sv,  "nancy"sv,     "natalia"sv,   "nathalie"sv,  "nicholas"sv,    "nicole"sv,
    "nikolai"sv,   "nina"sv,      "nora"sv,      "olga"sv,      "oliver"sv,      "olivia"sv,
    "omar"sv,      "oscar"sv,     "otto"sv,      "pablo"sv,     "pamela"sv,      "paolo"sv,
    "patricia"sv,  "patrick"sv,   "paul"sv,      "paula"sv,     "paulo"sv,       "pavel"sv,
    "pedro"sv,     "peter"sv,     "petra"sv,     "philip"sv,    "philippe"sv,    "pierre"sv,
    "piotr"sv,     "rachel"sv,    "rainer"sv,    "raj"sv,       "ralf"sv,        "rebecca"sv,
    "renate"sv,    "ricardo"sv,   "richard"sv,   "robert"sv,    "roberto"sv,     "roger"sv,
    "roland"sv,    "ronald"sv,    "rosa"sv,      "ruth"sv,      "ryan"sv,        "samantha"sv,
    "samuel"sv,    "sandra"sv,    "sara"sv,      "sarah"sv,     "sebastian"sv,   "sergei"sv,
    "sergey"sv,    "sharon"sv,    "shirley"sv,   "silvia"sv,    "simon"sv,       "sofia"sv,
    "sophia"sv,    "sophie"sv,    "stefan"sv,    "stefano"sv,   "stephanie"sv,   "stephen"sv,
    "steven"sv,    "susan"sv,     "susanne"sv,   "sven"sv,      "svetlana"sv,    "sylvia"sv,
    "tatiana"sv,   "teresa"sv,    "theresa"sv,   "thomas"sv,    "timothy"sv,     "tobias"sv,
    "tomasz"sv,    "ulrich"sv,    "ursula"sv,    "uwe"sv,       "valentina"sv,   "vera"sv,
    "veronica"sv,  "victoria"sv,  "viktor"sv,    "virginia"sv,  "vladimir"sv,    "walter"sv,
    "wei"sv,       "werner"sv,    "wilhelm"sv,   "william"sv,   "wolfgang"sv,    "xavier"sv,
    "yan"sv,       "yasmin"sv,    "yuki"sv,      "yusuf"sv,     "zeynep"sv,      "александр"sv,
    "анна"sv,      "дмитрий"sv,   "елена"sv,     "иван"sv,      "мария"sv,       "ольга"sv,
    "сергей"sv,    "أحمد"sv,      "فاطمة"sv,     "محمد"sv};

constexpr std::string_view kCountryWords[]{
    "afghanistan"sv, "algeria"sv,     "angola"sv,     "argentina"sv,   "armenia"sv,
    "australia"sv,   "austria"sv,     "azerbaijan"sv, "bangladesh"sv,  "belarus"sv,
    "belgium"sv,     "bolivia"sv,     "brasil"sv,     "brazil"sv,      "bulgaria"sv,
    "cambodia"sv,    "cameroon"sv,    "canada"sv,     "chile"sv,       "china"sv,
    "colombia"sv,    "congo"sv,       "croatia"sv,    "cuba"sv,        "cyprus"sv,
    "denmark"sv,     "deutschland"sv, "ecuador"sv,    "egypt"sv,       "england"sv,
    "españa"sv,      "estonia"sv,     "ethiopia"sv,   "finland"sv,     "france"sv,
    "germany"sv,     "ghana"sv,       "greece"sv,     "guatemala"sv,   "hungary"sv,
    "iceland"sv,     "india"sv,       "indonesia"sv,  "iran"sv,        "iraq"sv,
    "ireland"sv,     "israel"sv,      "italia"sv,     "italy"sv,       "jamaica"sv,
    "japan"sv,       "kazakhstan"sv,  "kenya"sv,      "kingdom"sv,     "korea"sv,
    "kuwait"sv,      "latvia"sv,      "lebanon"sv,    "libya"sv,       "lithuania"sv,
    "luxembourg"sv,  "malaysia"sv,    "malta"sv,      "mexico"sv,      "moldova"sv,
    "mongolia"sv,    "morocco"sv,     "mozambique"sv, "myanmar"sv,     "nepal"sv,
    "netherlands"sv, "nigeria"sv,     "norway"sv,     "oman"sv,        "pakistan"sv,
    "panama"sv,      "paraguay"sv,    "peru"sv,       "philippines"sv, "poland"sv,
    "portugal"sv,    "qatar"sv,       "romania"sv,    "russia"sv,      "rwanda"sv,
    "scotland"sv,    "senegal"sv,     "serbia"sv,     "singapore"sv,   "slovakia"sv,
    "slovenia"sv,    "somalia"sv,     "spain"sv,      "states"sv,      "sudan"sv,
    "sweden"sv,      "switzerland"sv, "syria"sv,      "taiwan"sv,      "tanzania"sv,
    "thailand"sv,    "tunisia"sv,     "turkey"sv,     "uganda"sv,      "ukraine"sv,
    "united"sv,      "uruguay"sv,     "venezuela"sv,  "vietnam"sv,     "wales"sv,
    "yemen"sv,       "zambia"sv,      "zimbabwe"sv};

// Sorted, for binary search.
constexpr std::string_view kStreetWords[]{
    "allee"sv,  "avenida"sv, "avenue"sv,   "boulevard"sv, "calle"sv,  "calçada"sv, "chaussee"sv,
    "close"sv,  "court"sv,   "crescent"sv, "drive"sv,     "gasse"sv,  "lane"sv,    "largo"sv,
    "place"sv,  "platz"sv,   "plaza"sv,    "praça"sv,     "road"sv,   "route"sv,   "rua"sv,
    "rue"sv,    "square"sv,  "straat"sv,   "strasse"sv,   "straße"sv, "street"sv,  "ulica"sv,
    "ulitsa"sv, "via"sv,     "weg"sv,      "улица"sv};

std::vector<std::string> make_pseudonym_words() {
  std::vector<std::string> words;
  for (const auto& list :
       {first_names(Script::latin), first_names(Script::han), first_names(Script::arabic),
        first_names(Script::cyrillic), last_names(Script::latin), last_names(Script::han),
        last_names(Script::arabic), last_names(Script::cyrillic), street_names(), city_names(),
        company_words(), company_forms()}) {
    for (const std::string_view entry : list) {
      const std::string lower = lower_case(entry);
      for (std::size_t start = 0; start < lower.size();) {
        const std::size_t end = std::min(lower.find_first_of(" -", start), lower.size());
        words.push_back(lower.substr(start, end - start));
        start = end + 1;
      }
    }
  }
  for (const char* word : {"street", "road", "lane", "avenue", "close"}) words.emplace_back(word);
  return words;
}

}  // namespace

Script script_of(std::string_view text) {
  std::array<std::size_t, 4> counts{};
  for (std::size_t i = 0; i < text.size();) {
    const char32_t code = next_code_point(text, i);
    if (code >= 0x4e00 && code <= 0x9fff) {
      ++counts[static_cast<std::size_t>(Script::han)];
    } else if (code >= 0x0600 && code <= 0x06ff) {
      ++counts[static_cast<std::size_t>(Script::arabic)];
    } else if (code >= 0x0400 && code <= 0x04ff) {
      ++counts[static_cast<std::size_t>(Script::cyrillic)];
    } else if (code > 0x40 && code < 0x0250) {
      ++counts[static_cast<std::size_t>(Script::latin)];
    }
  }
  return static_cast<Script>(std::max_element(counts.begin(), counts.end()) - counts.begin());
}

std::span<const std::string_view> first_names(Script script) {
  switch (script) {
    case Script::han:
      return kFirstHan;
    case Script::arabic:
      return kFirstArabic;
    case Script::cyrillic:
      return kFirstCyrillic;
    case Script::latin:
      break;
  }
  return kFirstLatin;
}

std::span<const std::string_view> last_names(Script script) {
  switch (script) {
    case Script::han:
      return kLastHan;
    case Script::arabic:
      return kLastArabic;
    case Script::cyrillic:
      return kLastCyrillic;
    case Script::latin:
      break;
  }
  return kLastLatin;
}

std::span<const std::string_view> street_names() { return kStreets; }
std::span<const std::string_view> city_names() { return kCities; }
std::span<const std::string_view> company_words() { return kCompanyWords; }
std::span<const std::string_view> company_forms() { return kCompanyForms; }

bool is_common_word(std::string_view lower_case_word) {
  return std::binary_search(std::begin(kCommonWords), std::end(kCommonWords), lower_case_word);
}

void each_silent_word(const std::function<void(std::string_view)>& sink) {
  for (const std::string_view word : kCommonWords) sink(word);
  for (const std::string_view word : kCountryWords) sink(word);
  for (const std::string& word : make_pseudonym_words()) sink(word);
}

bool is_first_name(std::string_view lower_case_word) {
  return std::binary_search(std::begin(kFirstNamesInUse), std::end(kFirstNamesInUse),
                            lower_case_word);
}

bool is_street_word(std::string_view lower_case_word) {
  return std::binary_search(std::begin(kStreetWords), std::end(kStreetWords), lower_case_word) ||
         lower_case_word.ends_with("straße") || lower_case_word.ends_with("strasse") ||
         lower_case_word.ends_with("straat");
}

}  // namespace pgcycle::anonymize
