// MD5 and SHA-1, for what old formats of password files are made of; nothing new is built on either.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>

namespace weir {

// Of all pieces, one behind the other: 16 and 20 bytes.
std::string md5(std::initializer_list<std::string_view> pieces);
std::string sha1(std::initializer_list<std::string_view> pieces);

// Takes as long for two texts of one length wherever they differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace weir
