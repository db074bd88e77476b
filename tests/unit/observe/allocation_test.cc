// What runs for every request allocates nothing; a hand-over of a warm log does not either.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "observe/access_log.h"
#include "observe/record.h"
#include "unit/count_allocations.h"

namespace weir::observe {
namespace {

class Constant final : public route::VariableSource {
 public:
  route::VariableValue variable(const route::VariableRef&, Arena&) const override {
    return {"a text that is longer than any small string", true};
  }
};

TEST(Allocations, logging_makes_none_on_the_worker_once_warm) {
  AccessLogWriter writer;
  const auto id = writer.open("/dev/null");
  ASSERT_TRUE(id);
  WorkerLog log(writer);
  AccessLogOptions options;
  options.format = std::make_shared<const LogFormat>(LogFormat::combined({}));
  options.buffer = 4096;
  const Constant source;
  Arena arena;
  log.log(*id, options, source, arena, 0);
  log.flush(0, true);
  // More buffers in circulation than the lines below can ever need, however slow the thread is.
  std::vector<std::string> buffers;
  for (int i = 0; i < 8; ++i) buffers.push_back(writer.take_buffer(2 * options.buffer));
  for (std::string& buffer : buffers) {
    buffer.append(options.buffer + 1, '\n');
    writer.write(*id, std::move(buffer));
  }
  writer.flush();
  EXPECT_EQ(count_allocations([&] {
              for (int line = 0; line < 50; ++line) log.log(*id, options, source, arena, 0);
              log.flush(0, true);
            }),
            0u);
  EXPECT_EQ(writer.dropped_lines(), 0u);
}

TEST(Allocations, rendering_attempts_makes_none_in_a_warm_arena) {
  Arena arena;
  arena.allocate(1);
  arena.reset();
  EXPECT_EQ(count_allocations([&] {
              AttemptList attempts;
              for (int i = 0; i < 5; ++i) attempts.add(arena).peer = "10.0.0.1:13000";
              for (int column = 0; column <= static_cast<int>(AttemptColumn::kReason); ++column)
                render_attempts(attempts, static_cast<AttemptColumn>(column), arena);
            }),
            0u);
}

}  // namespace
}  // namespace weir::observe
