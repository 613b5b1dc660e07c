// Pages beside the inbox, with script: shortcuts and the command bar. Everything works without it.
import { keys } from "./keys.js";
import { menus } from "./menus.js";
import { tellZone } from "./zone.js";

document.documentElement.classList.add("scripted");
menus();
keys();
if (tellZone()) location.reload();
