// busker-runner carry: what a VM of Google's does that was made for one attempt (attempt/remote.h).
//
// Runs as the VM's root, outside of the container. All that it is told it has from the metadata
// server.
#pragma once

namespace busker::runner {

// Owns the start of the attempt or leaves it, carries it to its end, and deletes the VM. What there
// is to say is said in lines on standard output, "busker: ...", which the serial console shows.
//
// The exit code is 1 when nothing of the attempt was begun and nobody is known to own it: then why,
// "busker: never started: ...", is on standard error, and the VM stays for whoever called this.
// Else it is 0.
int CarryCommand();

}  // namespace busker::runner
