#include "pgcycle/anonymize/dictionary.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "pgcycle/anonymize/packed_text.hpp"
#include "pgcycle/support/utf8.hpp"

namespace pgcycle::anonymize {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view kFeminineLatin[]{
    "Amara"sv,     "Ariadne"sv,  "Astrid"sv,    "Avelina"sv,    "Beatrix"sv,  "Brisa"sv,
    "Celestine"sv, "Cora"sv,     "Cosima"sv,    "Damaris"sv,    "Delphine"sv, "Edda"sv,
    "Eleonor"sv,   "Elowen"sv,   "Esme"sv,      "Faustina"sv,   "Fenella"sv,  "Flavia"sv,
    "Gaia"sv,      "Ginevra"sv,  "Gwendolyn"sv, "Halina"sv,     "Hesper"sv,   "Honora"sv,
    "Ilaria"sv,    "Imogen"sv,   "Ingrid"sv,    "Isolde"sv,     "Jessamy"sv,  "Jocasta"sv,
    "Juniper"sv,   "Kalliope"sv, "Katya"sv,     "Kerensa"sv,    "Leocadia"sv, "Linnea"sv,
    "Maelis"sv,    "Marisol"sv,  "Melisande"sv, "Milena"sv,     "Mirabel"sv,  "Morwenna"sv,
    "Nadia"sv,     "Nerissa"sv,  "Niamh"sv,     "Octavia"sv,    "Odile"sv,    "Olympia"sv,
    "Orlaith"sv,   "Ottilie"sv,  "Paloma"sv,    "Perpetua"sv,   "Quilla"sv,   "Ragna"sv,
    "Raphaela"sv,  "Rosalba"sv,  "Rowena"sv,    "Sabine"sv,     "Saskia"sv,   "Seraphina"sv,
    "Sigrid"sv,    "Solange"sv,  "Sunniva"sv,   "Tamsin"sv,     "Theodora"sv, "Ursel"sv,
    "Verity"sv,    "Vesper"sv,   "Wenda"sv,     "Wilhelmina"sv, "Xanthe"sv,   "Yara"sv,
    "Ysolde"sv,    "Zelda"sv,    "Zora"sv};

constexpr std::string_view kMasculineLatin[]{
    "Alden"sv,    "Ansel"sv,   "Auberon"sv,  "Aurel"sv,  "Basil"sv,   "Benno"sv,    "Caspian"sv,
    "Cillian"sv,  "Clovis"sv,  "Cyprian"sv,  "Dorian"sv, "Emrys"sv,   "Endre"sv,    "Evander"sv,
    "Fabian"sv,   "Finnian"sv, "Florent"sv,  "Gideon"sv, "Hadrian"sv, "Idris"sv,    "Ivo"sv,
    "Jarek"sv,    "Jolyon"sv,  "Kasimir"sv,  "Lazlo"sv,  "Leander"sv, "Lorcan"sv,   "Ludovic"sv,
    "Lysander"sv, "Magnus"sv,  "Merrick"sv,  "Orson"sv,  "Osric"sv,   "Phineas"sv,  "Quentin"sv,
    "Rainer"sv,   "Roderic"sv, "Selwyn"sv,   "Silvan"sv, "Tancred"sv, "Thaddeus"sv, "Tiberius"sv,
    "Torsten"sv,  "Ulric"sv,   "Valentin"sv, "Viggo"sv,  "Yorick"sv,  "Zephyr"sv};

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

constexpr std::string_view kFeminineHan[]{
    "子涵"sv, "雨桐"sv, "梓萱"sv, "若溪"sv, "诗涵"sv, "欣怡"sv, "晨曦"sv, "雅静"sv,
    "书瑶"sv, "嘉懿"sv, "语嫣"sv, "静姝"sv, "婉清"sv, "梦琪"sv, "清妍"sv, "采薇"sv};

constexpr std::string_view kMasculineHan[]{"浩然"sv, "思远"sv, "明轩"sv, "天佑"sv, "俊杰"sv,
                                           "宇轩"sv, "志远"sv, "弘文"sv, "博涛"sv, "泽宇"sv,
                                           "鸿煊"sv, "文昊"sv, "景行"sv, "致远"sv};

constexpr std::string_view kLastHan[]{"欧阳"sv, "上官"sv, "司徒"sv, "慕容"sv, "诸葛"sv,
                                      "东方"sv, "令狐"sv, "皇甫"sv, "尉迟"sv, "公孙"sv,
                                      "轩辕"sv, "长孙"sv, "宇文"sv, "司空"sv, "端木"sv,
                                      "百里"sv, "南宫"sv, "夏侯"sv, "闻人"sv, "钟离"sv};

constexpr std::string_view kFeminineArabic[]{"سلمى"sv, "ليان"sv, "رنيم"sv,  "جمانة"sv, "ميار"sv,
                                             "لجين"sv, "ديمة"sv, "تالين"sv, "شهد"sv,   "روان"sv};

constexpr std::string_view kMasculineArabic[]{"زاهر"sv, "باسل"sv, "تامر"sv, "أوس"sv,  "قصي"sv,
                                              "عاصم"sv, "هيثم"sv, "مهند"sv, "وسيم"sv, "نزار"sv};

constexpr std::string_view kLastArabic[]{
    "الزهراني"sv, "البستاني"sv, "القاضي"sv, "الخياط"sv,   "النجار"sv, "الصباغ"sv, "العطار"sv,
    "الفارس"sv,   "الدباغ"sv,   "الحداد"sv, "الساعاتي"sv, "الورد"sv,  "النقاش"sv, "البحري"sv,
    "الجبلي"sv,   "السهلي"sv,   "النخيل"sv, "الغزالي"sv,  "الكاتب"sv, "الرسام"sv};

constexpr std::string_view kFeminineCyrillic[]{"Злата"sv,     "Милана"sv, "Богдана"sv, "Лада"sv,
                                               "Мирослава"sv, "Есения"sv, "Дарина"sv,  "Весна"sv,
                                               "Снежана"sv,   "Агния"sv,  "Ульяна"sv};

constexpr std::string_view kMasculineCyrillic[]{"Велимир"sv, "Ратибор"sv,  "Святослав"sv,
                                                "Яромир"sv,  "Всеволод"sv, "Ростислав"sv,
                                                "Любомир"sv, "Тихон"sv,    "Лукьян"sv};

constexpr std::string_view kLastCyrillic[]{
    "Березовский"sv,     "Ветров"sv,         "Горностай"sv, "Журавский"sv, "Заречный"sv,
    "Калинин-Луговой"sv, "Лебединский"sv,    "Медунов"sv,   "Озёрский"sv,  "Подсолнух"sv,
    "Ракитин"sv,         "Синегорский"sv,    "Тополев"sv,   "Урожайный"sv, "Хвойный"sv,
    "Черёмухин"sv,       "Шумилов-Лесной"sv, "Яблонский"sv, "Долинин"sv,   "Ясеневый"sv};

constexpr std::string_view kFeminineGerman[]{
    "Adelgund"sv, "Berthild"sv,   "Edelgard"sv, "Ehrentraud"sv, "Friedlinde"sv,
    "Gerlind"sv,  "Hadwig"sv,     "Heilwig"sv,  "Irmengard"sv,  "Kunigunde"sv,
    "Liutgard"sv, "Mechthild"sv,  "Notburga"sv, "Radegund"sv,   "Sieglind"sv,
    "Swanhild"sv, "Theodelind"sv, "Walburga"sv, "Wiltrud"sv,    "Roswitha"sv};

constexpr std::string_view kMasculineGerman[]{
    "Baldur"sv,   "Burkhard"sv, "Diethelm"sv, "Eginhard"sv,   "Engelbert"sv,
    "Ekkehard"sv, "Friedmar"sv, "Gangolf"sv,  "Hartwin"sv,    "Isenbert"sv,
    "Leuthold"sv, "Markwart"sv, "Ortwin"sv,   "Ruprecht"sv,   "Sighart"sv,
    "Volkmar"sv,  "Wunibald"sv, "Gerwin"sv,   "Helmbrecht"sv, "Adalrich"sv};

constexpr std::string_view kLastGerman[]{
    "Ahrenbach"sv,   "Birkenhain"sv,   "Brombeer"sv,    "Distelrath"sv, "Eichwald"sv,
    "Falkenhorst"sv, "Finkenau"sv,     "Haselbach"sv,   "Heidekrug"sv,  "Immergrün"sv,
    "Kiebitz"sv,     "Lindenthal"sv,   "Lerchenfeld"sv, "Mohnhaupt"sv,  "Nebelung"sv,
    "Ottersbach"sv,  "Quellmann"sv,    "Rabenstein"sv,  "Rosenhag"sv,   "Schilfrohr"sv,
    "Silberdorn"sv,  "Steinwandter"sv, "Sturmfels"sv,   "Tannhorst"sv,  "Ulmenried"sv,
    "Veilchenau"sv,  "Wacholder"sv,    "Weidenkamp"sv,  "Ziegenhals"sv, "Zwetschger"sv};

constexpr std::string_view kStreetsGerman[]{
    "Ahorn"sv,   "Birken"sv, "Buchen"sv,   "Distel"sv,    "Eichen"sv,   "Erlen"sv,   "Farn"sv,
    "Ginster"sv, "Hasel"sv,  "Holunder"sv, "Kastanien"sv, "Kiefern"sv,  "Lärchen"sv, "Linden"sv,
    "Mohn"sv,    "Nelken"sv, "Tannen"sv,   "Ulmen"sv,     "Veilchen"sv, "Weiden"sv};

constexpr std::string_view kCitiesGerman[]{
    "Ahornstedt"sv,  "Bieberquell"sv, "Buchenrode"sv, "Distelheim"sv, "Eulenbrück"sv,
    "Farnhausen"sv,  "Grünmoor"sv,    "Hagebutten"sv, "Igelsfurt"sv,  "Krähenau"sv,
    "Lerchenrode"sv, "Mühlgrund"sv,   "Nebelstadt"sv, "Otternburg"sv, "Rebhügel"sv,
    "Sonnwiesen"sv,  "Tannenfurt"sv,  "Uferlohe"sv,   "Weidenau"sv,   "Zaunrode"sv};

constexpr std::string_view kFeminineFrench[]{
    "Aldegonde"sv, "Amarante"sv,   "Apolline"sv,  "Blandine"sv,   "Bérengère"sv,
    "Clothilde"sv, "Cunégonde"sv,  "Édeline"sv,   "Ermeline"sv,   "Frénégonde"sv,
    "Godeliève"sv, "Hermeline"sv,  "Isaure"sv,    "Léopoldine"sv, "Mahaut"sv,
    "Ombeline"sv,  "Pétronille"sv, "Rosemonde"sv, "Sidoine"sv,    "Ysabeau"sv};

constexpr std::string_view kMasculineFrench[]{
    "Adhémar"sv,  "Amaury"sv,     "Anselme"sv,   "Barnabé"sv,  "Childebert"sv,
    "Dagobert"sv, "Enguerrand"sv, "Eudes"sv,     "Foulques"sv, "Gontran"sv,
    "Hugolin"sv,  "Isembart"sv,   "Landry"sv,    "Mayeul"sv,   "Odilon"sv,
    "Perceval"sv, "Renaud"sv,     "Sigisbert"sv, "Théodulf"sv, "Wandrille"sv};

constexpr std::string_view kLastFrench[]{
    "Aubépin"sv,     "Beauchêne"sv,      "Bellerive"sv,   "Boisclair"sv,       "Bruyère"sv,
    "Chantemerle"sv, "Clairefontaine"sv, "Coudrier"sv,    "Deschamps-Verts"sv, "Églantier"sv,
    "Fontargent"sv,  "Genévrier"sv,      "Hautbois"sv,    "Hirondel"sv,        "Lavandier"sv,
    "Montfleury"sv,  "Noisetier"sv,      "Ormeau"sv,      "Peuplier"sv,        "Pinsonnet"sv,
    "Rivecourt"sv,   "Rochebrune"sv,     "Romarin"sv,     "Sauvageon"sv,       "Sourceval"sv,
    "Tournesol"sv,   "Troène"sv,         "Valombreuse"sv, "Verdoyant"sv,       "Violaine"sv};

constexpr std::string_view kStreetsFrench[]{
    "Acacias"sv,      "Aubépines"sv,   "Bleuets"sv,     "Bruyères"sv, "Cerisiers"sv,
    "Châtaigniers"sv, "Coquelicots"sv, "Érables"sv,     "Fougères"sv, "Genêts"sv,
    "Glycines"sv,     "Lilas"sv,       "Marronniers"sv, "Mimosas"sv,  "Noisetiers"sv,
    "Ormes"sv,        "Peupliers"sv,   "Primevères"sv,  "Saules"sv,   "Tilleuls"sv};

constexpr std::string_view kCitiesFrench[]{"Aigrefontaine"sv,
                                           "Beauséjour-Val"sv,
                                           "Bois-le-Clair"sv,
                                           "Brumeval"sv,
                                           "Chantelac"sv,
                                           "Clairmarais"sv,
                                           "Coquelibourg"sv,
                                           "Fontbrune"sv,
                                           "Genêtville"sv,
                                           "Grisemer"sv,
                                           "Hautepierre-le-Pont"sv,
                                           "Lavandelle"sv,
                                           "Merlemont"sv,
                                           "Noirépine"sv,
                                           "Orméval"sv,
                                           "Pontdoré"sv,
                                           "Rivebelle"sv,
                                           "Rocheclaire"sv,
                                           "Saulaie"sv,
                                           "Vertcourt"sv};

constexpr std::string_view kFeminineSpanish[]{
    "Aldonza"sv,  "Berenguela"sv, "Brunilda"sv,   "Casilda"sv,    "Dulcinea"sv,
    "Elvirina"sv, "Florinda"sv,   "Galiana"sv,    "Gundemara"sv,  "Hermesinda"sv,
    "Ildara"sv,   "Jimena"sv,     "Leodegaria"sv, "Melisendra"sv, "Ormesinda"sv,
    "Quiteria"sv, "Rosamunda"sv,  "Sancha"sv,     "Teodosinda"sv, "Urraca"sv};

constexpr std::string_view kMasculineSpanish[]{
    "Abelardo"sv,   "Arnulfo"sv,    "Baldomero"sv,  "Cipriano"sv,     "Diomedes"sv,
    "Eladio"sv,     "Fruela"sv,     "Gumersindo"sv, "Hermenegildo"sv, "Indalecio"sv,
    "Leovigildo"sv, "Melquíades"sv, "Nepomuceno"sv, "Ordoño"sv,       "Policarpo"sv,
    "Recaredo"sv,   "Sisebuto"sv,   "Tancredo"sv,   "Wenceslao"sv,    "Witiza"sv};

constexpr std::string_view kLastSpanish[]{
    "Abedules"sv,  "Aguaclara"sv,   "Alcornoque"sv, "Almendral"sv,   "Avellaneda"sv,
    "Azucenas"sv,  "Bellaluna"sv,   "Cantarrana"sv, "Castañeda"sv,   "Cerrogrande"sv,
    "Enebral"sv,   "Espinosanta"sv, "Fresneda"sv,   "Fuentenueva"sv, "Golondrina"sv,
    "Hinojal"sv,   "Jaramago"sv,    "Lunaclara"sv,  "Madroñal"sv,    "Manzanilla"sv,
    "Montealto"sv, "Olivenza"sv,    "Peñalara"sv,   "Pinarejo"sv,    "Retamar"sv,
    "Robledal"sv,  "Romeral"sv,     "Sotoverde"sv,  "Torrealta"sv,   "Zarzuela"sv};

constexpr std::string_view kStreetsSpanish[]{
    "Acacias"sv,  "Almendros"sv, "Azahar"sv,   "Cerezos"sv,    "Claveles"sv,
    "Encinas"sv,  "Fresnos"sv,   "Geranios"sv, "Hortensias"sv, "Jazmines"sv,
    "Laureles"sv, "Lirios"sv,    "Madroños"sv, "Magnolias"sv,  "Naranjos"sv,
    "Nogales"sv,  "Olivos"sv,    "Pinos"sv,    "Rosales"sv,    "Sauces"sv};

constexpr std::string_view kCitiesSpanish[]{
    "Aguamansa"sv,   "Albarrosa"sv,   "Arroyolimpio"sv, "Campoverdeja"sv, "Cerroblanco"sv,
    "Encinalta"sv,   "Fuenteazul"sv,  "Hontanilla"sv,   "Jaralejo"sv,     "Lagunarota"sv,
    "Mirasierra"sv,  "Molinoviejo"sv, "Nogalera"sv,     "Olmedilla"sv,    "Peñaflorida"sv,
    "Piedrasuave"sv, "Riohermoso"sv,  "Solanilla"sv,    "Valdenieve"sv,   "Zarzalejo"sv};

constexpr std::string_view kFemininePortuguese[]{
    "Aldegundes"sv, "Briolanja"sv, "Châmoa"sv,      "Domitila"sv, "Elduara"sv,
    "Filipona"sv,   "Gontinha"sv,  "Hermengarda"sv, "Iseu"sv,     "Leonilde"sv,
    "Mafalda"sv,    "Melisenda"sv, "Oriana"sv,      "Perpétua"sv, "Quitéria"sv,
    "Randufa"sv,    "Sidónia"sv,   "Teodorinda"sv,  "Urraca"sv,   "Violante"sv};

constexpr std::string_view kMasculinePortuguese[]{
    "Abelardo"sv,  "Aldorico"sv, "Belchior"sv,   "Cristóforo"sv, "Deodato"sv,
    "Egas"sv,      "Froila"sv,   "Gumersindo"sv, "Hermínio"sv,   "Ildefonso"sv,
    "Lançarote"sv, "Mendo"sv,    "Nuno-Egas"sv,  "Ordonho"sv,    "Payo"sv,
    "Quitério"sv,  "Rodorico"sv, "Sancho"sv,     "Teobaldo"sv,   "Viriato"sv};

constexpr std::string_view kLastPortuguese[]{
    "Abrunheira"sv, "Alecrim"sv,     "Amendoeira"sv,  "Azinhal"sv,   "Beladona"sv,
    "Carvalhosa"sv, "Castanheira"sv, "Codeço"sv,      "Espinhal"sv,  "Faia"sv,
    "Figueiral"sv,  "Fontainha"sv,   "Giestal"sv,     "Hortelão"sv,  "Jasmim"sv,
    "Laranjal"sv,   "Loureiral"sv,   "Madressilva"sv, "Malmequer"sv, "Medronho"sv,
    "Milheiral"sv,  "Nogueiral"sv,   "Oliveirinha"sv, "Pinhal"sv,    "Rosmaninho"sv,
    "Salgueiral"sv, "Sobreiral"sv,   "Trevo"sv,       "Urze"sv,      "Zambujal"sv};

constexpr std::string_view kStreetsPortuguese[]{
    "Acácias"sv,   "Alecrins"sv,     "Amendoeiras"sv, "Azinheiras"sv,  "Camélias"sv,
    "Carvalhos"sv, "Castanheiros"sv, "Cravos"sv,      "Eucaliptos"sv,  "Faias"sv,
    "Giestas"sv,   "Hortênsias"sv,   "Jasmins"sv,     "Laranjeiras"sv, "Lírios"sv,
    "Loureiros"sv, "Magnólias"sv,    "Oliveiras"sv,   "Pinheiros"sv,   "Salgueiros"sv};

constexpr std::string_view kCitiesPortuguese[]{
    "Água-Serena"sv,     "Alcarvão"sv,   "Barrocal"sv,       "Campolongo"sv,  "Carvalhinha"sv,
    "Fonte-Clara"sv,     "Giesteira"sv,  "Lagoalva"sv,       "Medronhal"sv,   "Monte-Urze"sv,
    "Neblina-a-Velha"sv, "Oliveirola"sv, "Pedra-Lisa"sv,     "Pinheirinha"sv, "Ribalta"sv,
    "Salgueirinha"sv,    "Trevoso"sv,    "Vale-da-Giesta"sv, "Verdemar"sv,    "Zambujinha"sv};

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
constexpr std::string_view kFeminineInUse[]{
    "agnes"sv,     "aisha"sv,     "alexandra"sv, "alice"sv,     "alicia"sv,    "amanda"sv,
    "amelia"sv,    "ana"sv,       "anastasia"sv, "angela"sv,    "ann"sv,       "anna"sv,
    "anne"sv,      "annette"sv,   "anya"sv,      "barbara"sv,   "beata"sv,     "betty"sv,
    "brenda"sv,    "camille"sv,   "carla"sv,     "carmen"sv,    "carol"sv,     "caroline"sv,
    "catherine"sv, "cecilia"sv,   "charlotte"sv, "chiara"sv,    "chloe"sv,     "christina"sv,
    "christine"sv, "claire"sv,    "clara"sv,     "claudia"sv,   "cynthia"sv,   "daniela"sv,
    "deborah"sv,   "diana"sv,     "donna"sv,     "dorothy"sv,   "elena"sv,     "elizabeth"sv,
    "ella"sv,      "emily"sv,     "emma"sv,      "eva"sv,       "fatima"sv,    "francesca"sv,
    "giulia"sv,    "grace"sv,     "greta"sv,     "hannah"sv,    "heather"sv,   "heike"sv,
    "helen"sv,     "helena"sv,    "helga"sv,     "ingrid"sv,    "inês"sv,      "irene"sv,
    "isabel"sv,    "isabella"sv,  "jane"sv,      "janet"sv,     "jennifer"sv,  "jessica"sv,
    "joan"sv,      "joana"sv,     "joanna"sv,    "joyce"sv,     "judith"sv,    "julia"sv,
    "julie"sv,     "karen"sv,     "karin"sv,     "katarzyna"sv, "katherine"sv, "kathleen"sv,
    "keiko"sv,     "laura"sv,     "lauren"sv,    "leila"sv,     "lena"sv,      "linda"sv,
    "lisa"sv,      "louise"sv,    "lucia"sv,     "ludmila"sv,   "magdalena"sv, "margaret"sv,
    "maria"sv,     "mariam"sv,    "marie"sv,     "marta"sv,     "martha"sv,    "mary"sv,
    "maryam"sv,    "megan"sv,     "melissa"sv,   "mia"sv,       "michelle"sv,  "monica"sv,
    "monika"sv,    "nancy"sv,     "natalia"sv,   "nathalie"sv,  "nicole"sv,    "nina"sv,
    "nora"sv,      "olga"sv,      "olivia"sv,    "pamela"sv,    "patricia"sv,  "paula"sv,
    "petra"sv,     "rachel"sv,    "rebecca"sv,   "renate"sv,    "rosa"sv,      "ruth"sv,
    "samantha"sv,  "sandra"sv,    "sara"sv,      "sarah"sv,     "sharon"sv,    "shirley"sv,
    "silvia"sv,    "sofia"sv,     "sophia"sv,    "sophie"sv,    "stephanie"sv, "susan"sv,
    "susanne"sv,   "svetlana"sv,  "sylvia"sv,    "tatiana"sv,   "teresa"sv,    "theresa"sv,
    "ursula"sv,    "valentina"sv, "vera"sv,      "veronica"sv,  "victoria"sv,  "virginia"sv,
    "yasmin"sv,    "zeynep"sv,    "анна"sv,      "елена"sv,     "мария"sv,     "ольга"sv,
    "فاطمة"sv};

// Sorted, for binary search.
constexpr std::string_view kMasculineInUse[]{
    "aaron"sv,     "abdullah"sv,  "adam"sv,       "adrian"sv,    "ahmed"sv,     "alan"sv,
    "albert"sv,    "alejandro"sv, "alessandro"sv, "alexander"sv, "alfred"sv,    "ali"sv,
    "amir"sv,      "andreas"sv,   "andrew"sv,     "andrzej"sv,   "anthony"sv,   "anton"sv,
    "antonio"sv,   "antónio"sv,   "benjamin"sv,   "bernd"sv,     "bjorn"sv,     "brandon"sv,
    "brian"sv,     "bruno"sv,     "carlos"sv,     "charles"sv,   "christian"sv, "christopher"sv,
    "claus"sv,     "daniel"sv,    "david"sv,      "dennis"sv,    "diego"sv,     "dieter"sv,
    "dimitri"sv,   "dmitri"sv,    "donald"sv,     "edward"sv,    "enrique"sv,   "erik"sv,
    "ernst"sv,     "felix"sv,     "fernando"sv,   "filip"sv,     "florian"sv,   "francesco"sv,
    "francisco"sv, "frank"sv,     "françois"sv,   "gabriel"sv,   "gary"sv,      "george"sv,
    "gerald"sv,    "giovanni"sv,  "guillaume"sv,  "hans"sv,      "harold"sv,    "hassan"sv,
    "heinrich"sv,  "heinz"sv,     "henrik"sv,     "henry"sv,     "hiroshi"sv,   "hugo"sv,
    "ibrahim"sv,   "igor"sv,      "ivan"sv,       "jack"sv,      "jacob"sv,     "jakub"sv,
    "jason"sv,     "javier"sv,    "jeffrey"sv,    "jens"sv,      "jerry"sv,     "joao"sv,
    "johan"sv,     "johann"sv,    "johannes"sv,   "john"sv,      "jonathan"sv,  "jorge"sv,
    "jose"sv,      "joseph"sv,    "joshua"sv,     "josé"sv,      "joão"sv,      "juan"sv,
    "jürgen"sv,    "karl"sv,      "kenneth"sv,    "kevin"sv,     "klaus"sv,     "krzysztof"sv,
    "lars"sv,      "leon"sv,      "leonardo"sv,   "lorenzo"sv,   "louis"sv,     "lucas"sv,
    "luigi"sv,     "luis"sv,      "lukas"sv,      "luís"sv,      "manuel"sv,    "marco"sv,
    "marcus"sv,    "mario"sv,     "martin"sv,     "matteo"sv,    "matthew"sv,   "matthias"sv,
    "max"sv,       "mehmet"sv,    "michael"sv,    "michel"sv,    "miguel"sv,    "mikhail"sv,
    "mohamed"sv,   "mohammad"sv,  "mohammed"sv,   "muhammad"sv,  "nicholas"sv,  "nikolai"sv,
    "oliver"sv,    "omar"sv,      "oscar"sv,      "otto"sv,      "pablo"sv,     "paolo"sv,
    "patrick"sv,   "paul"sv,      "paulo"sv,      "pavel"sv,     "pedro"sv,     "peter"sv,
    "philip"sv,    "philippe"sv,  "pierre"sv,     "piotr"sv,     "rainer"sv,    "raj"sv,
    "ralf"sv,      "ricardo"sv,   "richard"sv,    "robert"sv,    "roberto"sv,   "roger"sv,
    "roland"sv,    "ronald"sv,    "ryan"sv,       "samuel"sv,    "sebastian"sv, "sergei"sv,
    "sergey"sv,    "simon"sv,     "stefan"sv,     "stefano"sv,   "stephen"sv,   "steven"sv,
    "sven"sv,      "thomas"sv,    "timothy"sv,    "tobias"sv,    "tomasz"sv,    "ulrich"sv,
    "uwe"sv,       "viktor"sv,    "vladimir"sv,   "walter"sv,    "werner"sv,    "wilhelm"sv,
    "william"sv,   "wolfgang"sv,  "xavier"sv,     "yusuf"sv,     "александр"sv, "дмитрий"sv,
    "иван"sv,      "сергей"sv,    "أحمد"sv,       "محمد"sv};

// In use for women and men. Sorted.
constexpr std::string_view kEitherInUse[]{"alex"sv, "andrea"sv, "ashley"sv, "chen"sv,
                                          "jan"sv,  "jean"sv,   "kelly"sv,  "li"sv,
                                          "wei"sv,  "yan"sv,    "yuki"sv};

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

// {} stands for the name of the street.
constexpr std::string_view kStreetKinds[]{"{} Street"sv, "{} Road"sv,  "{} Lane"sv,
                                          "{} Avenue"sv, "{} Close"sv, "{} Way"sv};
constexpr std::string_view kStreetKindsGerman[]{"{}weg"sv, "{}straße"sv, "{}gasse"sv, "{}allee"sv};
constexpr std::string_view kStreetKindsFrench[]{"rue des {}"sv, "avenue des {}"sv, "allée des {}"sv,
                                                "chemin des {}"sv};
constexpr std::string_view kStreetKindsSpanish[]{"Calle {}"sv, "Avenida {}"sv, "Camino {}"sv,
                                                 "Plaza {}"sv};
constexpr std::string_view kStreetKindsPortuguese[]{"Rua {}"sv, "Avenida {}"sv, "Travessa {}"sv,
                                                    "Largo {}"sv};
constexpr std::string_view kFormsGerman[]{"GmbH"sv, "AG"sv, "KG"sv, "OHG"sv, "e.K."sv};
constexpr std::string_view kFormsFrench[]{"SA"sv, "SARL"sv, "SAS"sv, "et Cie"sv};
constexpr std::string_view kFormsSpanish[]{"S.A."sv, "S.L."sv, "e Hijos"sv};
constexpr std::string_view kFormsPortuguese[]{"Lda."sv, "S.A."sv, "e Filhos"sv};

struct LocaleLists {
  NameLists names;
  std::span<const std::string_view> streets, street_kinds, cities, company_forms;
};

constexpr std::string_view kLocaleNames[]{"en"sv, "de"sv, "fr"sv, "es"sv, "pt"sv};
constexpr LocaleLists kLocales[]{
    {{kFeminineLatin, kMasculineLatin, kLastLatin}, kStreets, kStreetKinds, kCities, kCompanyForms},
    {{kFeminineGerman, kMasculineGerman, kLastGerman},
     kStreetsGerman,
     kStreetKindsGerman,
     kCitiesGerman,
     kFormsGerman},
    {{kFeminineFrench, kMasculineFrench, kLastFrench},
     kStreetsFrench,
     kStreetKindsFrench,
     kCitiesFrench,
     kFormsFrench},
    {{kFeminineSpanish, kMasculineSpanish, kLastSpanish},
     kStreetsSpanish,
     kStreetKindsSpanish,
     kCitiesSpanish,
     kFormsSpanish},
    {{kFemininePortuguese, kMasculinePortuguese, kLastPortuguese},
     kStreetsPortuguese,
     kStreetKindsPortuguese,
     kCitiesPortuguese,
     kFormsPortuguese}};
static_assert(std::size(kLocales) == std::size(kLocaleNames));

constexpr NameLists kHan{kFeminineHan, kMasculineHan, kLastHan};
constexpr NameLists kArabic{kFeminineArabic, kMasculineArabic, kLastArabic};
constexpr NameLists kCyrillic{kFeminineCyrillic, kMasculineCyrillic, kLastCyrillic};

template <std::size_t kSize>
bool holds(const std::string_view (&sorted)[kSize], std::string_view word) {
  return std::binary_search(std::begin(sorted), std::end(sorted), word);
}

std::vector<std::string> make_pseudonym_words() {
  std::vector<std::string> words;
  const auto add = [&words](std::span<const std::string_view> list) {
    for (const std::string_view entry : list) {
      const std::string lower = lower_case(entry);
      for (std::size_t start = 0; start < lower.size();) {
        const std::size_t end = std::min(lower.find_first_of(" -{}", start), lower.size());
        if (end > start) words.push_back(lower.substr(start, end - start));
        start = end + 1;
      }
    }
  };
  const auto add_names = [&add](const NameLists& lists) {
    for (const auto& list : {lists.feminine, lists.masculine, lists.last}) add(list);
  };
  for (const LocaleLists& locale : kLocales) {
    add_names(locale.names);
    add(locale.streets);
    add(locale.street_kinds);
    add(locale.cities);
    add(locale.company_forms);
    for (const std::string_view kind : locale.street_kinds) {  // "lindenstraße" is one word
      if (!kind.starts_with("{}") || kind.starts_with("{} ")) continue;
      for (const std::string_view street : locale.streets) {
        words.push_back(lower_case(street) + std::string(kind.substr(2)));
      }
    }
  }
  for (const NameLists& lists : {kHan, kArabic, kCyrillic}) add_names(lists);
  add(kCompanyWords);
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

std::optional<Locale> find_locale(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kLocaleNames); ++i) {
    if (kLocaleNames[i] == name) return static_cast<Locale>(i);
  }
  return std::nullopt;
}

std::span<const std::string_view> locale_names() { return kLocaleNames; }

Gender gender_of(std::string_view name) {
  static const std::unordered_map<std::string_view, Gender> genders = [] {
    std::unordered_map<std::string_view, Gender> out;
    for (const std::string_view known : kFeminineInUse) out.emplace(known, Gender::feminine);
    for (const std::string_view known : kMasculineInUse) out.emplace(known, Gender::masculine);
    return out;
  }();
  const auto found = genders.find(lower_case(name.substr(0, name.find(' '))));
  return found == genders.end() ? Gender::unknown : found->second;
}

const NameLists& names(Script script, Locale locale) {
  switch (script) {
    case Script::han:
      return kHan;
    case Script::arabic:
      return kArabic;
    case Script::cyrillic:
      return kCyrillic;
    case Script::latin:
      break;
  }
  return kLocales[static_cast<std::size_t>(locale)].names;
}

std::span<const std::string_view> street_names(Locale locale) {
  return kLocales[static_cast<std::size_t>(locale)].streets;
}
std::span<const std::string_view> street_kinds(Locale locale) {
  return kLocales[static_cast<std::size_t>(locale)].street_kinds;
}
bool number_comes_first(Locale locale) { return locale == Locale::en || locale == Locale::fr; }
std::span<const std::string_view> city_names(Locale locale) {
  return kLocales[static_cast<std::size_t>(locale)].cities;
}
std::span<const std::string_view> company_words() { return kCompanyWords; }
std::span<const std::string_view> company_forms(Locale locale) {
  return kLocales[static_cast<std::size_t>(locale)].company_forms;
}

bool is_common_word(std::string_view lower_case_word) {
  return holds(kCommonWords, lower_case_word);
}

void each_silent_word(const std::function<void(std::string_view)>& sink) {
  for (const std::string_view word : kCommonWords) sink(word);
  for (const std::string_view word : kCountryWords) sink(word);
  for (const std::string& word : make_pseudonym_words()) sink(word);
}

bool is_first_name(std::string_view lower_case_word) {
  return holds(kFeminineInUse, lower_case_word) || holds(kMasculineInUse, lower_case_word) ||
         holds(kEitherInUse, lower_case_word);
}

bool is_street_word(std::string_view lower_case_word) {
  return holds(kStreetWords, lower_case_word) || lower_case_word.ends_with("straße") ||
         lower_case_word.ends_with("strasse") || lower_case_word.ends_with("straat");
}

}  // namespace pgcycle::anonymize
