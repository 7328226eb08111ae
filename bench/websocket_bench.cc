// What the codec costs per frame and per byte, on the buffers that the tools
// read: 64 KiB of a client's frames, 256 KiB of a server's.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "common/websocket/deflate.h"
#include "common/websocket/message_reader.h"
#include "common/websocket/message_writer.h"
#include "common/websocket/utf8.h"

namespace wskit::websocket {
namespace {

constexpr std::size_t kServerBuffer = std::size_t{64} << 10;
constexpr std::size_t kClientBuffer = std::size_t{256} << 10;

// JSON-like ASCII of `bytes` bytes.
std::string ascii_text(std::size_t bytes) {
  constexpr std::string_view kEvent =
      R"({"type":"trade","channel":"market/BTC-USD","data":{"price":"64000.12"}})";
  std::string text;
  while (text.size() < bytes) text.append(kEvent.substr(0, bytes - text.size()));
  return text;
}

// Three bytes a character.
std::string wide_text(std::size_t bytes) {
  std::string text;
  while (text.size() + 3 <= bytes) text.append("市");
  return text.append(bytes - text.size(), '.');
}

struct Stream {
  std::string bytes;
  std::int64_t frames = 0;
};

Stream frames_of(std::string_view payload, std::size_t at_least_bytes, MaskSource* mask) {
  Stream stream;
  while (stream.bytes.size() < at_least_bytes) {
    append_frame(stream.bytes, Opcode::kText, payload, mask);
    ++stream.frames;
  }
  return stream;
}

// Feeds the stream in pieces of the buffer's size; the copy into the buffer
// stands for the kernel's and is part of what is measured (about 1 ns a frame).
void read_all(MessageReader& reader, const Stream& stream, std::span<char> buffer, benchmark::State& state) {
  for (std::size_t at = 0; at < stream.bytes.size(); at += buffer.size()) {
    const std::size_t bytes = std::min(buffer.size(), stream.bytes.size() - at);
    std::memcpy(buffer.data(), stream.bytes.data() + at, bytes);
    reader.feed(buffer.first(bytes));
    for (;;) {
      const MessageReader::Item item = reader.next();
      if (item.kind == MessageReader::Kind::kNeedMore) break;
      if (item.kind != MessageReader::Kind::kMessage) return state.SkipWithError("not a message");
      benchmark::DoNotOptimize(item.payload.data());
    }
  }
}

void count(benchmark::State& state, const Stream& stream) {
  state.SetItemsProcessed(state.iterations() * stream.frames);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(stream.bytes.size()));
}

void read_client_frames(benchmark::State& state, const std::string& payload) {
  MaskSource mask;
  const Stream stream = frames_of(payload, 16 * kServerBuffer, &mask);
  std::vector<char> buffer(kServerBuffer);
  const ReaderLimits limits{.max_message_bytes = std::size_t{64} << 20};
  MessageReader reader(Role::kServer, limits);
  for (auto _ : state) read_all(reader, stream, buffer, state);
  count(state, stream);
}

void BM_ServerReadsAscii(benchmark::State& state) {
  read_client_frames(state, ascii_text(static_cast<std::size_t>(state.range(0))));
}
BENCHMARK(BM_ServerReadsAscii)->Arg(20)->Arg(200)->Arg(2000)->Arg(60000)->Arg(1 << 20);

void BM_ServerReadsWideText(benchmark::State& state) {
  read_client_frames(state, wide_text(static_cast<std::size_t>(state.range(0))));
}
BENCHMARK(BM_ServerReadsWideText)->Arg(200)->Arg(2000)->Arg(1 << 20);

void BM_ClientReadsAscii(benchmark::State& state) {
  const Stream stream =
      frames_of(ascii_text(static_cast<std::size_t>(state.range(0))), 4 * kClientBuffer, nullptr);
  std::vector<char> buffer(kClientBuffer);
  const ReaderLimits limits;
  MessageReader reader(Role::kClient, limits);
  for (auto _ : state) read_all(reader, stream, buffer, state);
  count(state, stream);
}
BENCHMARK(BM_ClientReadsAscii)->Arg(20)->Arg(200)->Arg(2000);

void BM_ReadsFragmentsOf1Byte(benchmark::State& state) {
  MaskSource mask;
  Stream stream;
  constexpr int kFragments = 65536;
  for (int i = 0; i < kFragments; ++i) {
    std::string frame;
    append_frame(frame, i == 0 ? Opcode::kText : Opcode::kContinuation, "x", &mask);
    if (i != kFragments - 1) frame[0] = static_cast<char>(frame[0] & 0x7F);
    stream.bytes += frame;
  }
  stream.frames = kFragments;
  std::vector<char> buffer(kServerBuffer);
  const ReaderLimits limits;
  MessageReader reader(Role::kServer, limits);
  for (auto _ : state) read_all(reader, stream, buffer, state);
  count(state, stream);
}
BENCHMARK(BM_ReadsFragmentsOf1Byte);

void BM_WritesMaskedFrames(benchmark::State& state) {
  const std::string payload = ascii_text(static_cast<std::size_t>(state.range(0)));
  MaskSource mask;
  std::string out;
  for (auto _ : state) {
    if (out.size() > kServerBuffer) out.clear();
    append_frame(out, Opcode::kText, payload, &mask);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_WritesMaskedFrames)->Arg(20)->Arg(200)->Arg(2000);

void BM_ApplyMask(benchmark::State& state) {
  std::string bytes = ascii_text(static_cast<std::size_t>(state.range(0)));
  const Mask mask{1, 2, 3, 4};
  for (auto _ : state) {
    apply_mask(bytes, mask);
    benchmark::DoNotOptimize(bytes.data());
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_ApplyMask)->Arg(20)->Arg(200)->Arg(2000)->Arg(60000);

void BM_ChecksUtf8(benchmark::State& state, std::string (*make)(std::size_t)) {
  const std::string text = make(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    Utf8Validator validator;
    benchmark::DoNotOptimize(validator.feed(text));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(BM_ChecksUtf8, ascii, ascii_text)->Arg(20)->Arg(200)->Arg(2000);
BENCHMARK_CAPTURE(BM_ChecksUtf8, wide, wide_text)->Arg(20)->Arg(200)->Arg(2000);

void BM_Deflates(benchmark::State& state) {
  const bool keep_context = state.range(1) != 0;
  const std::string message = ascii_text(static_cast<std::size_t>(state.range(0)));
  Deflater deflater(15, keep_context);
  std::string out;
  for (auto _ : state) {
    out.clear();
    deflater.compress(message, out);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Deflates)->ArgNames({"bytes", "keep"})->Args({200, 0})->Args({200, 1})->Args({20000, 0});

void BM_Inflates(benchmark::State& state) {
  const std::string message = ascii_text(static_cast<std::size_t>(state.range(0)));
  Deflater deflater(15, false);
  Inflater inflater(15, false);
  std::string compressed;
  deflater.compress(message, compressed);
  std::string out;
  for (auto _ : state) {
    out.clear();
    if (inflater.inflate(compressed, true, message.size(), out) != Inflater::Status::kOk) {
      return state.SkipWithError("not inflated");
    }
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Inflates)->Arg(200)->Arg(20000);

}  // namespace
}  // namespace wskit::websocket
