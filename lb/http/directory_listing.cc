#include "http/directory_listing.h"

#include <algorithm>
#include <cstdio>

#include "base/bytes.h"
#include "http/date.h"

namespace weir::http {
namespace {

constexpr size_t kNameColumn = 50;

void add_html(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
}

void add_json(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      out += escaped;
    } else {
      out += c;
    }
  }
}

// What RFC 3986 calls unreserved stays.
void add_uri_component(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
}

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !continues_character(c); }));
}

std::string_view first_characters(std::string_view text, size_t most) {
  size_t at = 0;
  for (size_t seen = 0; at < text.size(); ++at)
    if (!continues_character(text[at]) && seen++ == most) break;
  return text.substr(0, at);
}

void add_rounded_size(std::string& out, int64_t size) {
  constexpr int64_t kKilo = 1024, kMega = kKilo * 1024, kGiga = kMega * 1024;
  const auto rounded = [&](int64_t unit) { return size / unit + (size % unit > unit / 2 - 1 ? 1 : 0); };
  char text[32];
  if (size > kGiga - 1) {
    std::snprintf(text, sizeof text, "%6lldG", static_cast<long long>(rounded(kGiga)));
  } else if (size > kMega - 1) {
    std::snprintf(text, sizeof text, "%6lldM", static_cast<long long>(rounded(kMega)));
  } else if (size > 9'999) {
    std::snprintf(text, sizeof text, "%6lldK", static_cast<long long>(rounded(kKilo)));
  } else {
    std::snprintf(text, sizeof text, " %6lld", static_cast<long long>(size));
  }
  out += text;
}

void add_html_line(std::string& out, const ListedFile& file, const ListingStyle& style) {
  const bool is_directory = file.kind == ListedFile::Kind::kDirectory;
  out += "<a href=\"";
  add_uri_component(out, file.name);
  out += is_directory ? "/\">" : "\">";
  size_t length = characters(file.name);
  if (length > kNameColumn) {
    add_html(out, first_characters(file.name, kNameColumn - 3));
    out += "..&gt;</a>";
  } else {
    add_html(out, file.name);
    if (is_directory && length < kNameColumn) out += '/', ++length;
    out += "</a>";
    out.append(kNameColumn - length, ' ');
  }
  DateText text;
  const std::string_view time = time_local(file.modified * 1'000'000, style.utc_offset, text);  // 28/Sep/1970:12:00:00
  out += ' ';
  out.append(time.substr(0, 2)).append("-").append(time.substr(3, 3)).append("-").append(time.substr(7, 4));
  out.append(" ").append(time.substr(12, 5)).append(" ");
  if (is_directory) {
    out += style.exact_size ? "                  -" : "      -";
  } else if (style.exact_size) {
    char size[32];
    std::snprintf(size, sizeof size, "%19lld", static_cast<long long>(file.size));
    out += size;
  } else {
    add_rounded_size(out, file.size);
  }
  out += "\r\n";
}

std::string write_html(std::string_view path, const std::vector<ListedFile>& files, const ListingStyle& style) {
  std::string out = "<html>\r\n<head><title>Index of ";
  add_html(out, path);
  out += "</title></head>\r\n<body>\r\n<h1>Index of ";
  add_html(out, path);
  out += "</h1><hr><pre><a href=\"../\">../</a>\r\n";
  for (const ListedFile& each : files) add_html_line(out, each, style);
  return out + "</pre><hr></body>\r\n</html>\r\n";
}

std::string_view kind_name(ListedFile::Kind kind) {
  switch (kind) {
    case ListedFile::Kind::kDirectory: return "directory";
    case ListedFile::Kind::kFile: return "file";
    case ListedFile::Kind::kOther: break;
  }
  return "other";
}

std::string write_json(const std::vector<ListedFile>& files) {
  std::string out = "[";
  for (const ListedFile& each : files) {
    out += out.size() > 1 ? ",\r\n{ \"name\":\"" : "\r\n{ \"name\":\"";
    add_json(out, each.name);
    DateText text;
    out.append("\", \"type\":\"").append(kind_name(each.kind));
    out.append("\", \"mtime\":\"").append(imf_fixdate(each.modified * 1'000'000, text)).append("\"");
    if (each.kind == ListedFile::Kind::kFile) out.append(", \"size\":").append(std::to_string(each.size));
    out += " }";
  }
  return out + "\r\n]";
}

std::string write_xml(const std::vector<ListedFile>& files) {
  std::string out = "<?xml version=\"1.0\"?>\r\n<list>\r\n";
  for (const ListedFile& each : files) {
    DateText text;
    out.append("<").append(kind_name(each.kind)).append(" mtime=\"");
    out.append(time_iso8601(each.modified * 1'000'000, 0, text).substr(0, 19)).append("Z\"");
    if (each.kind == ListedFile::Kind::kFile) out.append(" size=\"").append(std::to_string(each.size)).append("\"");
    out += '>';
    add_html(out, each.name);
    out.append("</").append(kind_name(each.kind)).append(">\r\n");
  }
  return out + "</list>\r\n";
}

}  // namespace

std::string_view content_type(ListingFormat format) {
  switch (format) {
    case ListingFormat::kHtml: return "text/html";
    case ListingFormat::kJson: return "application/json";
    case ListingFormat::kXml: break;
  }
  return "text/xml; charset=utf-8";
}

std::string write_listing(std::string_view path, std::vector<ListedFile> files, const ListingStyle& style) {
  std::sort(files.begin(), files.end(), [](const ListedFile& a, const ListedFile& b) {
    const bool a_first = a.kind == ListedFile::Kind::kDirectory;
    const bool b_first = b.kind == ListedFile::Kind::kDirectory;
    return a_first != b_first ? a_first : a.name < b.name;
  });
  switch (style.format) {
    case ListingFormat::kHtml: return write_html(path, files, style);
    case ListingFormat::kJson: return write_json(files);
    case ListingFormat::kXml: break;
  }
  return write_xml(files);
}

}  // namespace weir::http
