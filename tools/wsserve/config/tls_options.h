// The options of TLS, and the files that they name.
#pragma once

#include <string>
#include <vector>

#include "common/cli/tool.h"
#include "wsserve/config/live_options.h"
#include "wsserve/transport/tls_context.h"

namespace wskit::server {

void add_tls_options(CLI::App& app, TlsFiles& files, LiveOptions& live);

// What is wrong with the options together and with what the files hold, a line each.
[[nodiscard]] std::vector<std::string> tls_problems(const cli::Tool& tool, const TlsFiles& files);

// The files, read; null if TLS is not wanted.
[[nodiscard]] protocol::Result<TlsContextPtr> to_tls(const TlsFiles& files);

}  // namespace wskit::server
