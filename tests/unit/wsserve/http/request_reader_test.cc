#include "wsserve/http/request_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace wskit::server::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Status = RequestReader::Status;

// "GET /ws?a=1 host=x connection=upgrade <body>".
std::string describe(const Request& request) {
  std::string text = request.method + " " + request.path;
  if (!request.query.empty()) text += "?" + request.query;
  for (const auto& [name, value] : request.headers) text += " " + name + "=" + value;
  if (!request.body.empty()) text += " <" + request.body + ">";
  return text;
}

class RequestReaderTest : public testing::Test {
 protected:
  // Feeds `stream` in pieces of `piece` bytes: every request it holds, then the
  // status and code of the refusal, if there is one.
  std::vector<std::string> read(std::string_view stream, std::size_t piece) {
    std::vector<std::string> seen;
    RequestReader reader(limits_);
    while (!stream.empty()) {
      Status status = reader.feed(stream.substr(0, piece));
      stream.remove_prefix(std::min(piece, stream.size()));
      for (; status == Status::kRequest; status = reader.next()) seen.push_back(describe(reader.request()));
      if (status == Status::kNeedMore) continue;
      seen.push_back(std::to_string(reader.error().status) + " " + reader.error().code);
      break;
    }
    return seen;
  }

  // What every size of the pieces comes to: the claim is that it is the same.
  std::vector<std::string> read_however_cut(std::string_view stream) {
    std::vector<std::string> whole = read(stream, stream.size());
    for (const std::size_t piece : {1UL, 2UL, 3UL, 7UL, 64UL, 1000UL}) {
      EXPECT_EQ(read(stream, piece), whole) << "in pieces of " << piece;
    }
    return whole;
  }

  RequestLimits limits_;
};

TEST_F(RequestReaderTest, SaysOnceThatTheBodyIsHeldBack) {
  constexpr std::string_view kHead = "POST /a HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n";
  RequestReader reader(limits_);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(reader.feed(kHead.substr(0, 20)), Status::kNeedMore);
    EXPECT_FALSE(reader.take_expectation()) << "the header has not ended";
    EXPECT_EQ(reader.feed(kHead.substr(20)), Status::kNeedMore);
    EXPECT_TRUE(reader.take_expectation());
    EXPECT_FALSE(reader.take_expectation());
    EXPECT_EQ(reader.feed("12"), Status::kRequest);
  }
  EXPECT_EQ(reader.feed(std::string(kHead) + "1"), Status::kNeedMore);
  EXPECT_FALSE(reader.take_expectation()) << "the body is on its way";
  RequestReader old(limits_);
  EXPECT_EQ(old.feed("POST /a HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"),
            Status::kNeedMore);
  EXPECT_FALSE(old.take_expectation()) << "HTTP/1.0 knows no such answer";
}

TEST_F(RequestReaderTest, SlicesTheTargetAndLowersTheNamesOfHeaders) {
  EXPECT_THAT(
      read_however_cut("GET /ws/a%2Fb?since=5&x HTTP/1.1\r\nHost: h:1\r\nX-Two:  both ends  \r\n\r\n"),
      ElementsAre("GET /ws/a%2Fb?since=5&x host=h:1 x-two=both ends"));
}

TEST_F(RequestReaderTest, TakesTheAbsoluteFormOfATarget) {
  EXPECT_THAT(read_however_cut("GET http://h:1/ws?since=5 HTTP/1.1\r\nHost: h:1\r\n\r\n"),
              ElementsAre("GET /ws?since=5 host=h:1"));
  EXPECT_THAT(read_however_cut("GET HTTP://h HTTP/1.1\r\nHost: h\r\n\r\n"), ElementsAre("GET / host=h"));
}

// H6: what is looked at for the rebinding guard and what is served are one server.
TEST_F(RequestReaderTest, TheTargetsHostTakesThePlaceOfTheHeaders) {
  EXPECT_THAT(read_however_cut("GET https://evil.example:1/ws?x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
              ElementsAre("GET /ws?x host=evil.example:1"));
  EXPECT_THAT(read_however_cut("GET HTTPS://[::1]?x=http://b HTTP/1.1\r\nHost: a\r\n\r\n"),
              ElementsAre("GET /?x=http://b host=[::1]"));
  EXPECT_THAT(read_however_cut("GET http://h/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
              ElementsAre("GET / host=h host=h"))
      << "two are two";
  EXPECT_THAT(read_however_cut("GET http://h/ HTTP/1.1\r\n\r\n"), ElementsAre("GET /")) << "none is none";
  EXPECT_THAT(read_however_cut("GET http://h/ HTTP/1.0\r\n\r\n"), ElementsAre("GET / host=h"));
}

TEST_F(RequestReaderTest, KeepsEveryCopyOfARepeatedHeader) {
  RequestReader reader(limits_);
  ASSERT_EQ(reader.feed("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\nConnection: keep-alive\r\n"
                        "X-A: 1\r\nx-a: 2, 3\r\nHOST: c\r\n\r\n"),
            Status::kRequest);
  EXPECT_EQ(reader.request().count("host"), 3U);
  EXPECT_EQ(reader.request().header("host"), "a, b, c");
  EXPECT_EQ(reader.request().header("x-a"), "1, 2, 3");
  EXPECT_EQ(reader.request().count("x-b"), 0U);
  EXPECT_EQ(reader.request().header("x-b"), "");
}

TEST_F(RequestReaderTest, KnowsWhetherTheConnectionGoesOn) {
  const auto keeps_alive = [&](std::string_view request) {
    RequestReader reader(limits_);
    EXPECT_EQ(reader.feed(request), Status::kRequest) << request;
    return reader.request().keep_alive;
  };
  EXPECT_TRUE(keeps_alive("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_FALSE(keeps_alive("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"));
  EXPECT_FALSE(keeps_alive("GET / HTTP/1.0\r\n\r\n"));
  // H4: a list may stand in several lines.
  EXPECT_FALSE(keeps_alive("GET / HTTP/1.1\r\nConnection: x\r\nConnection: CLOSE\r\n\r\n"));
  EXPECT_FALSE(keeps_alive("GET / HTTP/1.1\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_FALSE(keeps_alive("GET / HTTP/1.1\r\nConnection: upgrade ,\tclose\r\n\r\n"));
  EXPECT_FALSE(keeps_alive("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n"));
  EXPECT_TRUE(keeps_alive("GET / HTTP/1.0\r\nConnection: x\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_TRUE(keeps_alive("GET / HTTP/1.1\r\nConnection: closed\r\n\r\n"));
  EXPECT_TRUE(keeps_alive("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST_F(RequestReaderTest, TellsTheVersionsApart) {
  RequestReader reader(limits_);
  ASSERT_EQ(reader.feed("GET / HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\n\r\n"), Status::kRequest);
  EXPECT_FALSE(reader.request().http_1_1);
  ASSERT_EQ(reader.next(), Status::kRequest);
  EXPECT_TRUE(reader.request().http_1_1);
}

TEST_F(RequestReaderTest, ReadsRequestsThatComeTogether) {
  EXPECT_THAT(read_however_cut("GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
                               "POST /b HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
                               "GET /c HTTP/1.1\r\n\r\n"),
              ElementsAre("GET /a host=h", "POST /b content-length=5 <hello>", "GET /c"));
}

TEST_F(RequestReaderTest, LeavesWhatComesBehindARequest) {
  RequestReader reader(limits_);
  ASSERT_EQ(reader.feed("GET /ws HTTP/1.1\r\n\r\n\x81\x80 frames"), Status::kRequest);
  EXPECT_EQ(reader.take_rest(), "\x81\x80 frames");
}

TEST_F(RequestReaderTest, KnowsWhetherARequestHasBegun) {
  RequestReader reader(limits_);
  EXPECT_FALSE(reader.mid_request());
  ASSERT_EQ(reader.feed("G"), Status::kNeedMore);
  EXPECT_TRUE(reader.mid_request());
  ASSERT_EQ(reader.feed("ET / HTTP/1.1\r\n\r\n"), Status::kRequest);
  ASSERT_EQ(reader.next(), Status::kNeedMore);
  EXPECT_FALSE(reader.mid_request());
}

TEST_F(RequestReaderTest, JoinsTheChunksOfABody) {
  EXPECT_THAT(read_however_cut("POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "4\r\nWiki\r\n6;name=value\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\n\r\n"
                               "GET /next HTTP/1.1\r\n\r\n"),
              ElementsAre("POST /p transfer-encoding=chunked <Wikipedia in \r\n\r\nchunks.>", "GET /next"));
}

TEST_F(RequestReaderTest, ReadsTheTrailerOfAChunkedBody) {
  EXPECT_THAT(read_however_cut("POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "2\r\nab\r\n0\r\nX-Sum: 1\r\n\r\nGET /next HTTP/1.1\r\n\r\n"),
              ElementsAre(HasSubstr("<ab>"), "GET /next"));
}

// H5: a proxy before this one may have taken the body for the next request.
TEST_F(RequestReaderTest, RefusesTransferEncodingOfHttp10) {
  for (const std::string_view coding : {"chunked", "gzip, chunked", "identity"}) {
    EXPECT_THAT(read_however_cut("POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: " +
                                 std::string(coding) + "\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"),
                ElementsAre("400 BAD_REQUEST"))
        << coding;
  }
}

// F10: bytes that are still packed are not what was meant.
TEST_F(RequestReaderTest, RefusesCodingsThatItDoesNotUndo) {
  for (const std::string_view head :
       {"Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: gzip\r\nTransfer-Encoding: Chunked\r\n",
        "Transfer-Encoding: deflate , , chunked\r\n"}) {
    EXPECT_THAT(read_however_cut("POST / HTTP/1.1\r\n" + std::string(head) + "\r\n3\r\nabc\r\n0\r\n\r\n"),
                ElementsAre("501 NOT_IMPLEMENTED"))
        << head;
  }
  for (const std::string_view coding :
       {"chunked, chunked", "chunked, gzip", "gzip", "chunked;q=1", "identity"}) {
    EXPECT_THAT(read_however_cut("POST / HTTP/1.1\r\nTransfer-Encoding: " + std::string(coding) +
                                 "\r\n\r\n0\r\n\r\n"),
                ElementsAre("400 BAD_REQUEST"))
        << coding;
  }
  EXPECT_THAT(read_however_cut("POST / HTTP/1.1\r\nTransfer-Encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n"),
              ElementsAre(HasSubstr("<a>")));
}

// H8: as some clients send behind a body.
TEST_F(RequestReaderTest, PassesOverEmptyLinesBeforeARequest) {
  EXPECT_THAT(
      read_however_cut("\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n"
                       "POST /b HTTP/1.1\r\nContent-Length: 1\r\n\r\n1\r\nGET /c HTTP/1.1\r\n\r\n\r\n"),
      ElementsAre("GET /a host=h", "POST /b content-length=1 <1>", "GET /c"));
  RequestReader reader(limits_);
  EXPECT_EQ(reader.feed("\r\n\r\n"), Status::kNeedMore);
  EXPECT_FALSE(reader.mid_request()) << "none has begun";
  limits_.max_header_bytes = 100;
  std::string endless;
  for (int i = 0; i < 100; ++i) endless += "\r\n";
  EXPECT_THAT(read_however_cut(endless + "GET / HTTP/1.1\r\n\r\n"), ElementsAre("431 HEADER_TOO_LARGE"));
}

TEST_F(RequestReaderTest, UnfoldsAFoldedHeader) {
  EXPECT_THAT(read_however_cut("GET / HTTP/1.1\r\nX-Long: one\r\n two\r\n\tthree\r\nHost: h\r\n\r\n"),
              ElementsAre("GET / x-long=one two three host=h"));
}

TEST_F(RequestReaderTest, RefusesWhatIsNoRequest) {
  for (const std::string_view bad : {
           "\n\nGET / HTTP/1.1\r\n\r\n",
           "\rGET / HTTP/1.1\r\n\r\n",
           "GET http:///nowhere HTTP/1.1\r\nHost: h\r\n\r\n",
           "GET https://?x HTTP/1.1\r\nHost: h\r\n\r\n",
           "GET\r\n\r\n",
           "GET / HTTP/2.0\r\n\r\n",
           "GET / HTTP/1.2\r\n\r\n",
           "GET / FTP/1.1\r\n\r\n",
           "GET  / HTTP/1.1\r\n\r\n",
           "GET / HTTP/1.1\nHost: h\n\n\r\n\r\n",
           "GET / HTTP/1.1\r\nno colon\r\n\r\n",
           "GET / HTTP/1.1\r\n: no name\r\n\r\n",
           "GET / HTTP/1.1\r\nbad name: x\r\n\r\n",
           "GET / HTTP/1.1\r\nHost : space before the colon\r\n\r\n",
           "GET / HTTP/1.1\r\nX: \x01\r\n\r\n",
           "GET /\x7f HTTP/1.1\r\n\r\n",
           "POST / HTTP/1.1\r\nContent-Length: five\r\n\r\nhello",
           "POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
           "POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n",
           "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
           "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
           "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnot hex\r\n",
           "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
           "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
           "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
           "\x16\x03\x01\x02\x01 a TLS hello is no request either",
       }) {
    EXPECT_THAT(read_however_cut(bad), ElementsAre("400 BAD_REQUEST")) << bad;
  }
}

TEST_F(RequestReaderTest, AnswersWhatWasGoodBeforeItRefusesWhatIsNot) {
  EXPECT_THAT(read_however_cut("GET /good HTTP/1.1\r\n\r\nnonsense\r\n\r\n"),
              ElementsAre("GET /good", "400 BAD_REQUEST"));
}

TEST_F(RequestReaderTest, SaysOfARefusedRequestWhatCouldBeReadOfIt) {
  RequestReader reader(limits_);
  ASSERT_EQ(reader.feed("GET /good HTTP/1.1\r\n\r\nnonsense\r\n\r\n"), Status::kRequest);
  ASSERT_EQ(reader.next(), Status::kError);
  EXPECT_EQ(describe(reader.request()), " ") << "nothing, and not the request before it";
  limits_.max_body_bytes = 8;
  for (const std::string_view rest :
       {"Content-Length: 9\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n9\r\n12"}) {
    RequestReader other(limits_);
    ASSERT_EQ(other.feed("POST /large HTTP/1.1\r\nOrigin: o\r\n" + std::string(rest)), Status::kError);
    EXPECT_THAT(describe(other.request()), testing::StartsWith("POST /large origin=o "));
  }
}

// --- limits --------------------------------------------------------------

std::string header_of(std::size_t bytes) {
  const std::string line = "GET / HTTP/1.1\r\nX: ";
  return line + std::string(bytes - line.size() - 4, 'x') + "\r\n\r\n";
}

TEST_F(RequestReaderTest, TakesAHeaderOfExactlyTheLimit) {
  limits_.max_header_bytes = 500;
  EXPECT_THAT(read_however_cut(header_of(500)), ElementsAre(HasSubstr("xxxx")));
  EXPECT_THAT(read_however_cut(header_of(501)), ElementsAre("431 HEADER_TOO_LARGE"));
}

TEST_F(RequestReaderTest, LimitsARequestLineThatNeverEnds) {
  limits_.max_header_bytes = 500;
  EXPECT_THAT(read_however_cut("GET /" + std::string(2000, 'a')), ElementsAre("431 HEADER_TOO_LARGE"));
}

// F18: the cookies of whatever else runs on localhost.
TEST_F(RequestReaderTest, TakesHeadersOf32KiBUnlessToldOtherwise) {
  EXPECT_THAT(read_however_cut(header_of(32'768)), ElementsAre(HasSubstr("xxxx")));
  EXPECT_THAT(read(header_of(32'769), 32'769), ElementsAre("431 HEADER_TOO_LARGE"));
  limits_.max_header_bytes = kMostHeaderBytes;
  EXPECT_THAT(read(header_of(kMostHeaderBytes), 1000), ElementsAre(HasSubstr("xxxx")));
  EXPECT_THAT(read(header_of(kMostHeaderBytes), kMostHeaderBytes), ElementsAre(HasSubstr("xxxx")));
}

// Each line ends exactly where a piece ends, so that none is ever unfinished.
TEST_F(RequestReaderTest, LimitsHeadersThatComeLineByLine) {
  RequestReader reader(limits_);
  std::size_t fed = 0;
  Status status = reader.feed("GET / HTTP/1.1\r\n");
  while (status == Status::kNeedMore && fed < 4 * limits_.max_header_bytes) {
    const std::string line = "X-Line: " + std::string(90, 'x') + "\r\n";
    status = reader.feed(line);
    fed += line.size();
  }
  EXPECT_EQ(status, Status::kError);
  EXPECT_EQ(reader.error().status, 431U);
  EXPECT_LE(fed, limits_.max_header_bytes + 100);
}

TEST_F(RequestReaderTest, CountsTheHeaderOfEachRequestAnew) {
  limits_.max_header_bytes = 500;
  std::string stream;
  for (int i = 0; i < 20; ++i) stream += header_of(400);
  EXPECT_EQ(read_however_cut(stream).size(), 20U);
}

TEST_F(RequestReaderTest, LeavesTheBodyOutOfTheHeadersLimit) {
  limits_.max_header_bytes = 200;
  const std::string body(10'000, 'b');
  EXPECT_THAT(read_however_cut("POST / HTTP/1.1\r\nContent-Length: 10000\r\n\r\n" + body),
              ElementsAre(HasSubstr("<" + body + ">")));
  std::string chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 10; ++i) chunked += "3e8\r\n" + body.substr(0, 1000) + "\r\n";
  EXPECT_THAT(read_however_cut(chunked + "0\r\n\r\n"), ElementsAre(HasSubstr("<" + body + ">")));
}

TEST_F(RequestReaderTest, TakesABodyOfExactlyTheLimit) {
  limits_.max_body_bytes = 8;
  EXPECT_THAT(read_however_cut("POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\n12345678"),
              ElementsAre(HasSubstr("<12345678>")));
  EXPECT_THAT(read_however_cut("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"), ElementsAre("413 TOO_LARGE"));
  EXPECT_THAT(read_however_cut("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "4\r\n1234\r\n4\r\n5678\r\n0\r\n\r\n"),
              ElementsAre(HasSubstr("<12345678>")));
  EXPECT_THAT(read_however_cut("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "4\r\n1234\r\n5\r\n56789\r\n0\r\n\r\n"),
              ElementsAre("413 TOO_LARGE"));
}

TEST_F(RequestReaderTest, LimitsAChunkHeaderThatNeverEnds) {
  limits_.max_header_bytes = 200;
  EXPECT_THAT(
      read_however_cut("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(3000, 'e')),
      ElementsAre("431 HEADER_TOO_LARGE"));
}

TEST_F(RequestReaderTest, LimitsATrailerThatNeverEnds) {
  limits_.max_header_bytes = 200;
  std::string stream = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  for (int i = 0; i < 100; ++i) stream += "X-Trailer: and so on\r\n";
  EXPECT_THAT(read_however_cut(stream), ElementsAre("431 HEADER_TOO_LARGE"));
}

// H1: however much of it arrives in one read.
TEST_F(RequestReaderTest, LimitsATrailerHoweverLongItsFieldIs) {
  for (const std::size_t length : {33'000UL, 65'534UL, 66'000UL, 200'000UL}) {
    EXPECT_THAT(
        read_however_cut("GET /healthz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " +
                         std::string(length, 'a') + "\r\n\r\n"),
        ElementsAre("431 HEADER_TOO_LARGE"))
        << length;
  }
}

// H1: a limit that an operator sets above what Beast takes of one field.
TEST_F(RequestReaderTest, RefusesAFieldThatTheParserCannotHold) {
  limits_.max_header_bytes = 200'000;
  for (const std::string& head : {std::string("GET / HTTP/1.1\r\nHost: h\r\n"),
                                  std::string("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")}) {
    for (const std::string& field : {"X: " + std::string(70'000, 'a'), std::string(70'000, 'a') + ": x"}) {
      EXPECT_THAT(read_however_cut(head + field + "\r\n\r\n"), ElementsAre("431 HEADER_TOO_LARGE"));
    }
  }
}

// H1
TEST_F(RequestReaderTest, LimitsAChunkExtensionThatComesInOneRead) {
  EXPECT_THAT(read_however_cut("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;e=" +
                               std::string(100'000, 'e') + "\r\nab\r\n0\r\n\r\n"),
              ElementsAre("431 HEADER_TOO_LARGE"));
}

// H1
TEST_F(RequestReaderTest, LimitsTheExtensionsOfAllChunksTogether) {
  limits_.max_header_bytes = 200;
  std::string stream = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 100; ++i) stream += "1;e=" + std::string(20, 'e') + "\r\na\r\n";
  EXPECT_THAT(read_however_cut(stream + "0\r\n\r\n"), ElementsAre("431 HEADER_TOO_LARGE"));
}

TEST_F(RequestReaderTest, TakesABodyOfManyChunksThatIsLongerThanAHeader) {
  std::string stream = "POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string body;
  for (int i = 0; i < 300; ++i) {
    stream += "64\r\n" + std::string(100, 'b') + "\r\n";
    body += std::string(100, 'b');
  }
  EXPECT_THAT(read_however_cut(stream + "0\r\nX: 1\r\n\r\nGET /next HTTP/1.1\r\n\r\n"),
              ElementsAre("POST /p transfer-encoding=chunked <" + body + ">", "GET /next"));
}

// RFC 9110 section 6.5.1
TEST_F(RequestReaderTest, TakesNoFieldOfATrailerForAHeader) {
  EXPECT_THAT(
      read_however_cut("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "2\r\nab\r\n0\r\nHost: other\r\nAuthorization: Bearer x\r\nConnection: close\r\n\r\n"),
      ElementsAre("POST /p host=h transfer-encoding=chunked <ab>"));
}

TEST_F(RequestReaderTest, NamesTheLimitInTheRefusal) {
  RequestReader reader(limits_);
  ASSERT_EQ(reader.feed("GET /" + std::string(40'000, 'a')), Status::kError);
  EXPECT_THAT(reader.error().message, HasSubstr("32768"));
}

TEST_F(RequestReaderTest, IsSilentUntilARequestIsWhole) {
  EXPECT_THAT(read_however_cut("GET / HTTP/1.1\r\nHost: h\r\n"), IsEmpty());
  EXPECT_THAT(read_however_cut("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhell"), IsEmpty());
}

}  // namespace
}  // namespace wskit::server::http
