// The types of the web's usual files, as IANA has them registered (text/javascript: RFC 9239).
#include "config/builtin_files.h"

namespace weir::config {
namespace {

constexpr std::string_view kMimeTypes = R"(types {
    application/atom+xml atom;
    application/epub+zip epub;
    application/gzip gz;
    application/java-archive jar war ear;
    application/json json map;
    application/ld+json jsonld;
    application/manifest+json webmanifest;
    application/msword doc;
    application/octet-stream bin exe dll deb dmg iso img msi;
    application/pdf pdf;
    application/postscript ps eps ai;
    application/rss+xml rss;
    application/rtf rtf;
    application/vnd.apple.mpegurl m3u8;
    application/vnd.ms-excel xls;
    application/vnd.ms-fontobject eot;
    application/vnd.ms-powerpoint ppt;
    application/vnd.oasis.opendocument.presentation odp;
    application/vnd.oasis.opendocument.spreadsheet ods;
    application/vnd.oasis.opendocument.text odt;
    application/vnd.openxmlformats-officedocument.presentationml.presentation pptx;
    application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx;
    application/vnd.openxmlformats-officedocument.wordprocessingml.document docx;
    application/wasm wasm;
    application/x-7z-compressed 7z;
    application/x-tar tar;
    application/x-x509-ca-cert der pem crt;
    application/xhtml+xml xhtml;
    application/xslt+xml xsl xslt;
    application/yaml yaml yml;
    application/zip zip;
    audio/aac aac;
    audio/flac flac;
    audio/midi mid midi kar;
    audio/mp4 m4a;
    audio/mpeg mp3;
    audio/ogg ogg oga opus;
    audio/wav wav;
    font/collection ttc;
    font/otf otf;
    font/ttf ttf;
    font/woff woff;
    font/woff2 woff2;
    image/avif avif;
    image/bmp bmp;
    image/gif gif;
    image/jpeg jpeg jpg;
    image/png png;
    image/svg+xml svg svgz;
    image/tiff tif tiff;
    image/vnd.microsoft.icon ico;
    image/webp webp;
    text/calendar ics;
    text/css css;
    text/csv csv;
    text/html html htm shtml;
    text/javascript js mjs;
    text/markdown md;
    text/plain txt text log conf;
    text/vcard vcf;
    text/vtt vtt;
    text/xml xml;
    video/mp2t ts;
    video/mp4 mp4 m4v;
    video/mpeg mpeg mpg;
    video/ogg ogv;
    video/quicktime mov;
    video/webm webm;
    video/x-matroska mkv;
    video/x-msvideo avi;
}
)";

}  // namespace

std::string_view builtin_file(std::string_view path) {
  return path.substr(path.rfind('/') + 1) == "mime.types" ? kMimeTypes : std::string_view();
}

}  // namespace weir::config
