// Package jupyter carries Jupyter messages between a kernel and its clients, for both sides.
//
// It knows the messaging specification's wire: frames, signatures, connection files, the five channels. ZMTP comes from zmq4 (its
// connections and security; its sockets stop at a silent peer and queue without bound, so the socket behaviours are here). It knows
// nothing of what messages mean: kernels and runners give them meaning. Start reading at Message, then Server and Client.
package jupyter
