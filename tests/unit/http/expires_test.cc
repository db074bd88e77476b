// nginx's `expires`, and listings of directories.
#include "http/expires.h"

#include <gtest/gtest.h>

#include <string>

#include "http/directory_listing.h"

namespace weir::http {
namespace {

constexpr int64_t kNow = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT

std::string fields(std::string_view text, bool modified = false, int64_t last = -1, int utc_offset = 0) {
  const auto rule = parse_expires(text, modified);
  if (!rule) return "error: " + rule.error();
  if (rule->form == ExpiresRule::Form::kOff) return "off";
  Arena arena;
  const ExpiresFields made = expires_fields(*rule, kNow, last, utc_offset, arena);
  return std::string(made.expires) + " | " + std::string(made.cache_control);
}

TEST(Expires, forms_become_fields) {
  EXPECT_EQ(fields("off"), "off");
  EXPECT_EQ(fields("epoch"), "Thu, 01 Jan 1970 00:00:01 GMT | no-cache");
  EXPECT_EQ(fields("max"), "Thu, 31 Dec 2037 23:55:55 GMT | max-age=315360000");
  EXPECT_EQ(fields("1h30m"), "Sun, 06 Nov 1994 10:19:37 GMT | max-age=5400");
  EXPECT_EQ(fields("60"), "Sun, 06 Nov 1994 08:50:37 GMT | max-age=60");
  EXPECT_EQ(fields("+1d 12h"), "Mon, 07 Nov 1994 20:49:37 GMT | max-age=129600");
  EXPECT_EQ(fields("0"), "Sun, 06 Nov 1994 08:49:37 GMT | max-age=0");
  EXPECT_EQ(fields("-1"), "Sun, 06 Nov 1994 08:49:36 GMT | no-cache");
}

TEST(Expires, modified_counts_from_the_last_change) {
  EXPECT_EQ(fields("1h", true, kNow - 60), "Sun, 06 Nov 1994 09:48:37 GMT | max-age=3540");
  EXPECT_EQ(fields("1h", true, kNow - 7200), "Sun, 06 Nov 1994 07:49:37 GMT | no-cache");
  EXPECT_EQ(fields("1h", true), "Sun, 06 Nov 1994 09:49:37 GMT | max-age=3600") << "not known";
}

TEST(Expires, time_of_day_is_the_next_one) {
  EXPECT_EQ(fields("@15h30m"), "Sun, 06 Nov 1994 15:30:00 GMT | max-age=24023");
  EXPECT_EQ(fields("@8h"), "Mon, 07 Nov 1994 08:00:00 GMT | max-age=83423");
  EXPECT_EQ(fields("@8h", false, -1, -120), "Sun, 06 Nov 1994 10:00:00 GMT | max-age=4223");
}

TEST(Expires, wrong_forms_are_refused) {
  for (const char* text : {"", "1x", "d1", "1s1m", "@-1h", "@25h", "never", "--1", "99999999999d"})
    EXPECT_EQ(fields(text).substr(0, 7), "error: ") << text;
  for (const char* text : {"epoch", "max", "off", "@1h"}) EXPECT_EQ(fields(text, true).substr(0, 7), "error: ") << text;
}

TEST(Listing, html_is_that_of_nginx) {
  const std::string page = write_listing("/a<b/",
                                         {{"z.txt", ListedFile::Kind::kFile, 12'345, kNow},
                                          {"d", ListedFile::Kind::kDirectory, 4096, kNow},
                                          {"a&b c.txt", ListedFile::Kind::kFile, 5, kNow},
                                          {std::string(60, 'n'), ListedFile::Kind::kFile, 5'000'000, kNow}},
                                         {});
  EXPECT_EQ(page,
            "<html>\r\n<head><title>Index of /a&lt;b/</title></head>\r\n<body>\r\n<h1>Index of /a&lt;b/</h1><hr><pre>"
            "<a href=\"../\">../</a>\r\n"
            "<a href=\"d/\">d/</a>" +
                std::string(48, ' ') +
                " 06-Nov-1994 08:49                   -\r\n"
                "<a href=\"a%26b%20c.txt\">a&amp;b c.txt</a>" +
                std::string(41, ' ') +
                " 06-Nov-1994 08:49                   5\r\n"
                "<a href=\"" +
                std::string(60, 'n') + "\">" + std::string(47, 'n') +
                "..&gt;</a> 06-Nov-1994 08:49             5000000\r\n"
                "<a href=\"z.txt\">z.txt</a>" +
                std::string(45, ' ') +
                " 06-Nov-1994 08:49               12345\r\n"
                "</pre><hr></body>\r\n</html>\r\n");
}

TEST(Listing, sizes_are_rounded_when_asked) {
  const auto size_of = [](int64_t size) {
    const std::string page = write_listing("/", {{"f", ListedFile::Kind::kFile, size, kNow}}, {.exact_size = false});
    const size_t at = page.find("08:49 ") + 6;
    return page.substr(at, page.find("\r\n", at) - at);
  };
  EXPECT_EQ(size_of(9'999), "   9999");
  EXPECT_EQ(size_of(10'000), "    10K");
  EXPECT_EQ(size_of(1'500'000), "     1M");
  EXPECT_EQ(size_of(3LL << 30), "     3G");
}

TEST(Listing, names_of_characters_are_cut_whole) {
  std::string name;
  for (int i = 0; i < 60; ++i) name += "\xc3\xa9";
  const std::string page = write_listing("/", {{name, ListedFile::Kind::kFile, 1, kNow}}, {});
  EXPECT_NE(page.find(">" + name.substr(0, 94) + "..&gt;</a>"), std::string::npos);
}

TEST(Listing, json_and_xml_are_for_programs) {
  const std::vector<ListedFile> files = {{"a\"b", ListedFile::Kind::kFile, 7, kNow},
                                         {"d", ListedFile::Kind::kDirectory, 1, kNow},
                                         {"p\n", ListedFile::Kind::kOther, 1, kNow}};
  EXPECT_EQ(write_listing("/", files, {.format = ListingFormat::kJson}),
            "[\r\n{ \"name\":\"d\", \"type\":\"directory\", \"mtime\":\"Sun, 06 Nov 1994 08:49:37 GMT\" },\r\n"
            "{ \"name\":\"a\\\"b\", \"type\":\"file\", \"mtime\":\"Sun, 06 Nov 1994 08:49:37 GMT\", \"size\":7 },\r\n"
            "{ \"name\":\"p\\u000a\", \"type\":\"other\", \"mtime\":\"Sun, 06 Nov 1994 08:49:37 GMT\" }\r\n]");
  EXPECT_EQ(write_listing("/", {}, {.format = ListingFormat::kJson}), "[\r\n]");
  EXPECT_EQ(write_listing("/", {files[0]}, {.format = ListingFormat::kXml}),
            "<?xml version=\"1.0\"?>\r\n<list>\r\n"
            "<file mtime=\"1994-11-06T08:49:37Z\" size=\"7\">a&quot;b</file>\r\n</list>\r\n");
}

}  // namespace
}  // namespace weir::http
