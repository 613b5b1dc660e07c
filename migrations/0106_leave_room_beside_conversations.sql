-- Room on each page for the next version of its conversations, so that it can be made in place.
alter table conversations set (fillfactor = 70);
