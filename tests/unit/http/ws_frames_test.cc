// Frame heads are followed through any cut of the bytes.
#include "http/ws_frames.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::http {
namespace {

using namespace std::string_literals;
constexpr size_t kNone = std::string_view::npos;

const std::string kShort = "\x81\x05hello"s;
const std::string kEmpty = "\x81\x00"s;
const std::string kMasked = "\x81\x85MASKhello"s;
const std::string kMiddle = "\x82\x7e\x01\x00"s + std::string(256, 'x');
const std::string kLong = "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x01"s + std::string(65'537, 'x');
const std::string kClose = "\x88\x02\x03\xe8"s;

TEST(WsFrames, a_new_stream_is_at_a_boundary) {
  WsFrameTracker tracker;
  EXPECT_TRUE(tracker.at_boundary());
  EXPECT_EQ(tracker.feed(""), kNone);
}

TEST(WsFrames, each_length_form_ends_at_its_boundary) {
  for (const std::string& frame : {kShort, kEmpty, kMasked, kMiddle, kLong}) {
    WsFrameTracker tracker;
    EXPECT_EQ(tracker.feed(frame), frame.size());
    EXPECT_TRUE(tracker.at_boundary());
    EXPECT_FALSE(tracker.close_seen());
  }
}

TEST(WsFrames, a_piece_without_a_boundary_has_none) {
  WsFrameTracker tracker;
  EXPECT_EQ(tracker.feed(kShort.substr(0, 4)), kNone);
  EXPECT_FALSE(tracker.at_boundary());
  EXPECT_EQ(tracker.feed(kShort.substr(4)), kShort.size() - 4);
}

TEST(WsFrames, the_last_boundary_of_a_piece_counts) {
  WsFrameTracker tracker;
  EXPECT_EQ(tracker.feed(kShort + kEmpty + kMasked.substr(0, 3)), kShort.size() + kEmpty.size());
  EXPECT_FALSE(tracker.at_boundary());
}

TEST(WsFrames, any_cut_finds_the_same_boundaries) {
  const std::string all = kShort + kMiddle + kEmpty + kMasked + kClose;
  for (size_t cut = 1; cut < all.size(); ++cut) {
    WsFrameTracker tracker;
    tracker.feed(all.substr(0, cut));
    EXPECT_EQ(tracker.feed(all.substr(cut)), all.size() - cut) << cut;
    EXPECT_TRUE(tracker.at_boundary());
    EXPECT_TRUE(tracker.close_seen());
  }
  WsFrameTracker tracker;
  int boundaries = 0;
  for (const char byte : all) boundaries += tracker.feed({&byte, 1}) == 1 ? 1 : 0;
  EXPECT_EQ(boundaries, 5);
}

TEST(WsFrames, a_close_is_seen_with_its_head) {
  WsFrameTracker tracker;
  tracker.feed(kClose.substr(0, 1));
  EXPECT_FALSE(tracker.close_seen());
  tracker.feed(kClose.substr(1, 1));
  EXPECT_TRUE(tracker.close_seen());
  tracker.reset();
  EXPECT_FALSE(tracker.close_seen());
  EXPECT_TRUE(tracker.at_boundary());
}

TEST(WsFrames, a_payload_that_looks_like_a_close_is_none) {
  WsFrameTracker tracker;
  tracker.feed("\x81\x04"s + kClose);
  EXPECT_FALSE(tracker.close_seen());
}

TEST(WsFrames, the_greatest_length_does_not_overflow) {
  WsFrameTracker tracker;
  EXPECT_EQ(tracker.feed("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"s + std::string(100'000, 'x')), kNone);
  EXPECT_FALSE(tracker.at_boundary());
}

TEST(WsFrames, the_close_frame_is_a_frame) {
  for (const uint16_t code : {uint16_t{1001}, uint16_t{1012}, uint16_t{1005}}) {
    const std::string_view frame = ws_close_frame(code);
    WsFrameTracker tracker;
    EXPECT_EQ(tracker.feed(frame), 4U);
    EXPECT_TRUE(tracker.close_seen());
    const int said = static_cast<uint8_t>(frame[2]) << 8 | static_cast<uint8_t>(frame[3]);
    EXPECT_EQ(said, code == 1012 ? 1012 : 1001);
  }
}

}  // namespace
}  // namespace weir::http
