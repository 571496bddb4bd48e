// The page Routing.

import { startFrame } from "./frame.js";

startFrame();
