// Who may come in, until there are users: guest, from this machine.
#pragma once

#include <string_view>

namespace millrace {

inline constexpr std::string_view kGuest = "guest";

enum class Login { good, unknown, not_from_here };

// `peer`: HOST:PORT, as a socket says it.
Login check_login(std::string_view user, std::string_view password, std::string_view peer);

}  // namespace millrace
